// librm-agent.a for this machine's own compiler and C library, everything from source, as it is installed.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { cached } from '../cache.mjs';
import { jobs } from '../compile.mjs';
import { needPackages } from '../debian.mjs';
import { unpackedSource } from '../fetch-source.mjs';
import { run } from '../subprocess.mjs';
import { buildPackages, libraryScript } from './build-static.mjs';

const hostFolder = fileURLToPath(new URL('../../agent/tiny', import.meta.url));
const libraryFolder = fileURLToPath(new URL('../../agent/sdk/c', import.meta.url));

/** Options of CMake for each kind. */
const kinds = {
  plain: { CMAKE_BUILD_TYPE: 'MinSizeRel' },
  sanitize: { CMAKE_BUILD_TYPE: 'None', CMAKE_C_FLAGS: '-O1 -g', RM_SANITIZE: 'ON' },
};

/**
 * Writes `include`, `lib` and the pkg-config file into a folder, which it gives.
 * @param {object} options
 * @param {keyof typeof kinds} options.kind
 * @param {string} options.output
 */
export async function buildLibrary({ kind, output }) {
  await needPackages([...buildPackages, 'binutils', 'gcc', 'libc6-dev', 'pkg-config']);
  const options = {
    CMAKE_C_COMPILER: 'gcc',
    QUICKJS_SOURCE: await unpackedSource('quickjs'),
    MBEDTLS_SOURCE: await unpackedSource('mbedtls'),
    RM_LIBRARY: 'ON',
    RM_VERSION: version,
    RM_WERROR: 'ON',
    ...kinds[kind],
  };
  console.error(`Building librm-agent.a${kind === 'plain' ? '' : ` (${kind})`} …`);
  // The build folder stays, so that only what has changed is compiled again; the lock is for two builds at once.
  const inputs = [await run('gcc', ['--version']), hostFolder, libraryFolder, options];
  const work = await cached(`c-library-${kind}`, inputs, async () => {});
  const build = join(work, 'build');
  const script = join(work, 'rm-agent-library.js');
  writeFileSync(script, await libraryScript());
  const definitions = Object.entries({ ...options, RM_SCRIPT: script }).map(
    ([key, value]) => `-D${key}=${value}`,
  );
  const lock = join(work, 'lock');
  await run('flock', [lock, 'cmake', '-G', 'Ninja', '-S', hostFolder, '-B', build, ...definitions]);
  // The compiler of the bundle ends with live objects, which the leak check would take for its fault.
  const env = { ASAN_OPTIONS: 'detect_leaks=0' };
  await run('flock', [lock, 'cmake', '--build', build, '--parallel', String(jobs), '--target', 'library'], {
    env,
  });
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const install = ['--install', build, '--prefix', output, '--component', 'library'];
  await run('flock', [lock, 'cmake', ...install]);
  for (const program of ['program', 'api'])
    await compileWith(kind, output, join(libraryFolder, 'test', `${program}.c`), join(output, program));
  return output;
}

/**
 * Compiles a program of one file with an installed library, as its users do.
 * @param {keyof typeof kinds} kind
 * @param {string} library its folder
 * @param {string} source
 * @param {string} output
 */
async function compileWith(kind, library, source, output) {
  const env = { PKG_CONFIG_PATH: join(library, 'lib/pkgconfig') };
  const flags = (await run('pkg-config', ['--cflags', '--libs', 'rm-agent'], { env })).trim().split(/\s+/);
  const sanitizers = kind === 'sanitize' ? ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'] : [];
  const warnings = ['-std=c11', '-D_DEFAULT_SOURCE', '-Wall', '-Wextra', '-Werror', '-g', '-O1'];
  await run('gcc', [...warnings, ...sanitizers, '-o', output, source, ...flags]);
}
