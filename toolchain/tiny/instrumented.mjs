// Builds that look for faults, for this machine's own compiler and C library: everything from source, not stripped.
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { cached } from '../cache.mjs';
import { jobs } from '../compile.mjs';
import { needPackages } from '../debian.mjs';
import { unpackedSource } from '../fetch-source.mjs';
import { run } from '../subprocess.mjs';
import { buildPackages } from './build-static.mjs';
import { switchesFor } from './features.mjs';
import { bundledScript } from './scripts.mjs';

const nativeFolder = fileURLToPath(new URL('../../agent/tiny', import.meta.url));

/** Options of agent/tiny for each kind. */
const kinds = {
  sanitize: { RM_SANITIZE: 'ON' },
  'force-gc': { RM_FORCE_GC: 'ON' },
  valgrind: { RM_TEARDOWN: 'ON' },
};

/**
 * Writes `rm-agent` and, for tests of the host alone, `rm-run` into a folder; gives the path of the former.
 * @param {object} options
 * @param {keyof typeof kinds} options.kind
 * @param {import('./engine.mjs').Engine} options.engine
 * @param {readonly string[]} options.without
 * @param {string} options.output
 */
export async function buildInstrumented({ kind, engine, without, output }) {
  await needPackages([...buildPackages, 'gcc', 'libc6-dev']);
  const { cmake, define } = switchesFor(without);
  const compiler = await run('gcc', ['--version']);
  const options = {
    CMAKE_C_COMPILER: 'gcc',
    CMAKE_BUILD_TYPE: 'None',
    CMAKE_C_FLAGS: '-O1 -g',
    ENGINE: engine,
    QUICKJS_SOURCE: await unpackedSource(engine),
    MBEDTLS_SOURCE: await unpackedSource('mbedtls'),
    RM_VERSION: version,
    RM_WERROR: 'ON',
    ...kinds[kind],
    ...cmake,
  };
  console.error(`Building rm-agent for tests (${kind}) …`);
  // The build folder stays, so that only what has changed is compiled again; the lock is for two builds at once.
  const work = await cached(`instrumented-${kind}`, [compiler, nativeFolder, options], async () => {});
  const build = join(work, 'build');
  const script = join(work, 'rm-agent.js');
  writeFileSync(script, await bundledScript(define));
  const definitions = Object.entries({ ...options, RM_SCRIPT: script }).map(
    ([key, value]) => `-D${key}=${value}`,
  );
  // The compiler of the bundle ends with live objects, which the leak check would take for its fault.
  const env = { ASAN_OPTIONS: 'detect_leaks=0' };
  const lock = join(work, 'lock');
  await run('flock', [lock, 'cmake', '-G', 'Ninja', '-S', nativeFolder, '-B', build, ...definitions]);
  await run(
    'flock',
    [lock, 'cmake', '--build', build, '--parallel', String(jobs), '--target', 'rm-agent', 'rm-run'],
    { env },
  );
  mkdirSync(output, { recursive: true });
  for (const name of ['rm-agent', 'rm-run']) {
    rmSync(join(output, name), { force: true });
    copyFileSync(join(build, name), join(output, name));
    chmodSync(join(output, name), 0o755);
  }
  return join(output, 'rm-agent');
}
