// librm-agent.a for this machine's own compiler and C library, everything from source, as it is installed.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { cached } from '../cache.mjs';
import { jobs } from '../compile.mjs';
import { needPackages } from '../debian.mjs';
import { unpackedSource } from '../fetch-source.mjs';
import { run } from '../subprocess.mjs';
import { buildPackages } from './build-static.mjs';
import { libraryScript } from './scripts.mjs';

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
 * @param {import('./engine.mjs').Engine} [options.engine]
 * @param {string} options.output
 */
export async function buildLibrary({ kind, engine = 'quickjs', output }) {
  await needPackages([...buildPackages, 'binutils', 'gcc', 'libc6-dev', 'pkg-config']);
  const options = {
    CMAKE_C_COMPILER: 'gcc',
    ENGINE: engine,
    QUICKJS_SOURCE: await unpackedSource(engine),
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
  replaceFile(script, Buffer.from(await libraryScript()));
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
  const staged = mkdtempSync(join(work, 'install-'));
  try {
    const install = ['--install', build, '--prefix', staged, '--component', 'library'];
    await run('flock', [lock, 'cmake', ...install]);
    for (const program of ['program', 'api'])
      await compileWith(kind, staged, join(libraryFolder, 'test', `${program}.c`), join(staged, program));
    replaceFiles(staged, output);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
  return output;
}

/**
 * Makes a folder equal to another one. Somebody may be using it: what is equal already is not touched, and no file is
 * missing or half there meanwhile.
 * @param {string} source
 * @param {string} target
 */
function replaceFiles(source, target) {
  mkdirSync(target, { recursive: true });
  const entries = readdirSync(source, { withFileTypes: true });
  for (const entry of entries) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) replaceFiles(from, to);
    else replaceFile(to, readFileSync(from), statSync(from).mode);
  }
  const names = new Set(entries.map(({ name }) => name));
  for (const name of readdirSync(target))
    if (!names.has(name) && !unfinished.test(name))
      rmSync(join(target, name), { recursive: true, force: true });
}

/** The name of a file that another build is about to put in place. */
const unfinished = /\.\d+\.new$/;

/**
 * @param {string} path
 * @param {Buffer} content
 * @param {number} [mode]
 */
function replaceFile(path, content, mode = 0o644) {
  if (existsSync(path) && readFileSync(path).equals(content)) return;
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, content, { mode });
  renameSync(fresh, path);
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
  // The folder is another one each time, and the program is to be the same.
  const paths = [`-ffile-prefix-map=${library}=library`];
  await run('gcc', [...warnings, ...sanitizers, ...paths, '-o', output, source, ...flags]);
}
