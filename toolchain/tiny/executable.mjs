// Compiles and links the tiny runtime: the C host in agent/tiny with the bundled agent inside.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, sha256 } from '../cache.mjs';
import { commonFlags, jobs, regularFlags } from '../compile.mjs';
import { isNative } from '../compilers.mjs';
import { sources } from '../sources.mjs';
import { run } from '../subprocess.mjs';
import { placeHolder } from './stamp.mjs';
import { verifyExecutable } from './verify.mjs';

/** How an executable is made: flags of the linker, what is stripped, what is verified. */
const recipe = ['executable.mjs', 'sysroot.mjs', 'verify.mjs']
  .map((name) => sha256(readFileSync(fileURLToPath(new URL(name, import.meta.url)))))
  .join(' ');

const nativeFolder = fileURLToPath(new URL('../../agent/tiny', import.meta.url));

/** Hash of every file the C host is made of. */
function nativeSources() {
  const files = readdirSync(nativeFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => /(CMakeLists\.txt|\.[ch])$/.test(path) && !path.includes('/test/'))
    .sort();
  return sha256(
    files.map((path) => `${relative(nativeFolder, path)} ${sha256(readFileSync(path))}\n`).join(''),
  );
}

/**
 * What CMake needs to know of a target.
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 * @param {import('./sysroot.mjs').Sysroot} sysroot
 * @param {readonly string[]} prefixMaps
 */
function toolchainFile(target, compiler, sysroot, prefixMaps) {
  const flags = [
    ...target.cflags,
    ...(target.compactFlags ?? []),
    ...commonFlags,
    ...regularFlags,
    ...sysroot.compileFlags,
  ];
  const emulator = [target.qemu, ...(target.processor ? ['-cpu', target.processor] : [])].join(';');
  const elsewhere = [
    'set(CMAKE_SYSTEM_NAME Linux)',
    `set(CMAKE_SYSTEM_PROCESSOR ${compiler.prefix.split('-')[0]})`,
    'set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)',
    `set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator})`,
  ];
  return [
    ...(isNative(compiler.prefix) ? [] : elsewhere),
    `set(CMAKE_C_COMPILER ${compiler.cc})`,
    `set(CMAKE_C_FLAGS_INIT "${[...flags, ...prefixMaps].join(' ')}")`,
    `set(CMAKE_EXE_LINKER_FLAGS_INIT "${sysroot.linkFlags.join(' ')}")`,
    `set(CMAKE_C_STANDARD_LIBRARIES "${sysroot.linkLibraries.join(' ')}" CACHE STRING "")`,
    ...(isNative(compiler.prefix) ? [] : [`set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator})`]),
    '',
  ].join('\n');
}

/**
 * @typedef {object} Parts
 * @property {string} engineFolder
 * @property {string} mbedtlsFolder
 * @property {import('./sysroot.mjs').Sysroot} sysroot
 */

/**
 * A folder with the stripped executable `rm-agent`, from the cache or made now.
 * @param {object} options
 * @param {string} options.name of the target
 * @param {import('../targets.mjs').Target} options.target
 * @param {import('../compilers.mjs').Compiler} options.compiler
 * @param {import('./engine.mjs').Engine} options.engine
 * @param {Parts} options.parts
 * @param {string} options.script the bundled agent
 * @param {string} options.version
 * @param {Readonly<Record<string, string>>} options.switches CMake options of agent/tiny
 */
export async function executableFor({ name, target, compiler, engine, parts, script, version, switches }) {
  const { engineFolder, mbedtlsFolder, sysroot } = parts;
  const inputs = {
    compiler: compiler.identity,
    parts: [engineFolder, mbedtlsFolder, sysroot.folder].map((folder) => folder.split('/').at(-1)),
    flags: toolchainFile(
      target,
      compiler,
      { ...sysroot, compileFlags: [], linkFlags: [], linkLibraries: [] },
      [],
    ),
    native: nativeSources(),
    script: sha256(script),
    version,
    switches,
    recipe,
  };
  return cached(`executable-${name}`, inputs, async (folder) => {
    console.error(`Building rm-agent for ${name} …`);
    const work = mkdtempSync(join(tmpdir(), 'rm-agent-'));
    try {
      const maps = [
        [nativeFolder, 'native'],
        [work, 'build'],
        [engineFolder, engine],
        [mbedtlsFolder, 'mbedtls'],
        [sysroot.folder, 'sysroot'],
      ].map(([from, to]) => `-ffile-prefix-map=${from}=${to}`);
      writeFileSync(join(work, 'toolchain.cmake'), toolchainFile(target, compiler, sysroot, maps));
      writeFileSync(join(work, 'rm-agent.js'), script);
      const options = {
        CMAKE_TOOLCHAIN_FILE: join(work, 'toolchain.cmake'),
        CMAKE_BUILD_TYPE: 'MinSizeRel',
        ENGINE: engine,
        QUICKJS_ROOT: engineFolder,
        MBEDTLS_ROOT: mbedtlsFolder,
        RM_SCRIPT: join(work, 'rm-agent.js'),
        RM_VERSION: version,
        RM_TARGET: name,
        RM_ENGINE_VERSION: sources[engine].version,
        RM_COMMIT: placeHolder,
        RM_WERROR: 'ON',
        ...switches,
      };
      const build = join(work, 'build');
      await run('cmake', [
        ...['-G', 'Ninja', '-S', nativeFolder, '-B', build],
        ...Object.entries(options).map(([key, value]) => `-D${key}=${value}`),
      ]);
      await run('cmake', ['--build', build, '--parallel', String(jobs), '--target', 'rm-agent']);
      await verifyExecutable(join(build, 'rm-agent'), target, compiler);
      mkdirSync(folder, { recursive: true });
      copyFileSync(join(build, 'rm-agent'), join(folder, 'rm-agent'));
      await run(`${compiler.prefix}-strip`, [
        ...['--strip-all', '--remove-section=.comment', '--remove-section=.note*'],
        join(folder, 'rm-agent'),
      ]);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}
