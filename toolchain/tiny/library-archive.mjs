// librm-agent.a for other machines and both C libraries, as a release carries it: compiled from the source archive alone.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { cached, sha256 } from '../cache.mjs';
import { commonFlags, jobs } from '../compile.mjs';
import { compilerFor, isNative } from '../compilers.mjs';
import { needPackages } from '../debian.mjs';
import { sourceFiles } from '../source-archive/source-archive.mjs';
import { run } from '../subprocess.mjs';
import { targets } from '../targets.mjs';
import { buildPackages } from './build-static.mjs';
import { sysrootFor } from './sysroot.mjs';

/**
 * @typedef {object} LibraryTarget
 * @property {string} target whose processor it is for
 * @property {'gnu' | 'musl'} libc whose headers it is compiled with: a program must be linked with the same one
 * @property {readonly string[]} [packages] Debian packages with glibc for that processor
 */

/**
 * What a release carries: glibc where Debian and Yocto run, musl where OpenWrt and Alpine do. Not MIPS: its linker takes no call
 * through the global offset table to a function whose name was made local, as all are in this archive.
 * @type {Readonly<Record<string, LibraryTarget>>}
 */
export const libraryTargets = {
  'x86_64-gnu': { target: 'x86_64', libc: 'gnu', packages: ['libc6-dev'] },
  'aarch64-gnu': { target: 'aarch64', libc: 'gnu', packages: ['libc6-dev-arm64-cross'] },
  'armv7hf-gnu': { target: 'armv7hf', libc: 'gnu', packages: ['libc6-dev-armhf-cross'] },
  'x86_64-musl': { target: 'x86_64', libc: 'musl' },
  'aarch64-musl': { target: 'aarch64', libc: 'musl' },
  'armv7hf-musl': { target: 'armv7hf', libc: 'musl' },
};

const recipe = sha256(readFileSync(fileURLToPath(import.meta.url)));

/** Those of an executable at a fixed address, which a library cannot have. */
const ofExecutables = ['-fno-pic'];

/**
 * How to compile and link for one of {@link libraryTargets}.
 * @param {string} name
 */
export async function libraryToolchain(name) {
  const { target: processor, libc, packages = [] } = libraryTargets[name] ?? unknown(name);
  const target = targets[processor] ?? unknown(processor);
  await needPackages([...buildPackages, ...packages]);
  const compiler = await compilerFor(target.compiler);
  const cflags = target.cflags.filter((flag) => !ofExecutables.includes(flag));
  const sysroot = libc === 'musl' ? await sysrootFor(processor, target, compiler) : undefined;
  const emulator = [target.qemu, ...(target.processor ? ['-cpu', target.processor] : [])];
  return {
    processor,
    compiler,
    sysroot,
    compileFlags: [...cflags, ...(sysroot?.compileFlags ?? [])],
    /** Of a static program, before and after its objects. */
    linkFlags: sysroot?.linkFlags ?? ['-static'],
    linkLibraries: sysroot?.linkLibraries ?? [],
    /** What runs a program of this kind here. */
    emulator: isNative(compiler.prefix) ? [] : emulator,
  };
}

/** @param {string} name @returns {never} */
function unknown(name) {
  throw new TypeError(`unknown target ${name}`);
}

/** What of the source archive is compiled or installed here. */
const needed =
  /^(?:CMakeLists\.txt|LICENSE|VERSION|rm-agent-library\.js|(?:src|include|library|third-party)\/.*)$/;

/** @type {Promise<import('../packages/file-tree.mjs').RegularFile[]> | undefined} */
let sources;
function ownSources() {
  sources ??= sourceFiles().then((files) => files.filter(({ path }) => needed.test(path)));
  return sources;
}

/**
 * A folder with `include/rm_agent.h`, `lib/librm-agent.a` and `lib/pkgconfig/rm-agent.pc`, from the cache or made now.
 * @param {string} name one of {@link libraryTargets}
 */
export async function libraryFor(name) {
  const { compiler, sysroot, compileFlags, linkFlags, linkLibraries, emulator } =
    await libraryToolchain(name);
  const files = await ownSources();
  const inputs = {
    compiler: compiler.identity,
    sysroot: sysroot?.key ?? 'gnu',
    flags: [compileFlags.filter((flag) => !flag.startsWith('/')), commonFlags],
    files: sha256(files.map(({ path, content }) => `${path} ${sha256(content)}\n`).join('')),
    recipe,
  };
  return cached(`library-${name}`, inputs, async (folder) => {
    console.error(`Building librm-agent.a for ${name} …`);
    const work = mkdtempSync(join(tmpdir(), 'rm-library-'));
    try {
      const source = join(work, 'source');
      for (const { path, mode, content } of files) {
        mkdirSync(dirname(join(source, path)), { recursive: true });
        writeFileSync(join(source, path), content);
        chmodSync(join(source, path), mode);
      }
      const maps = [[work, 'rm-agent'], ...(sysroot ? [[sysroot.folder, 'sysroot']] : [])].map(
        ([from, to]) => `-ffile-prefix-map=${from}=${to}`,
      );
      const runs = emulator.length > 0 ? [`set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator.join(';')})`] : [];
      const elsewhere = [
        'set(CMAKE_SYSTEM_NAME Linux)',
        `set(CMAKE_SYSTEM_PROCESSOR ${compiler.prefix.split('-')[0]})`,
        'set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)',
      ];
      const toolchain = [
        ...(isNative(compiler.prefix) ? [] : elsewhere),
        `set(CMAKE_C_COMPILER ${compiler.cc})`,
        `set(CMAKE_C_FLAGS_INIT "${[...compileFlags, ...commonFlags, ...maps].join(' ')}")`,
        `set(CMAKE_EXE_LINKER_FLAGS_INIT "${linkFlags.join(' ')}")`,
        `set(CMAKE_C_STANDARD_LIBRARIES "${linkLibraries.join(' ')}" CACHE STRING "")`,
        ...runs,
        '',
      ];
      writeFileSync(join(work, 'toolchain.cmake'), toolchain.join('\n'));
      const options = {
        CMAKE_TOOLCHAIN_FILE: join(work, 'toolchain.cmake'),
        CMAKE_BUILD_TYPE: 'MinSizeRel',
        CMAKE_INSTALL_LIBDIR: 'lib',
        QUICKJS_SOURCE: 'bundled',
        MBEDTLS_SOURCE: 'bundled',
        RM_LIBRARY: 'ON',
        RM_VERSION: version,
        RM_WERROR: 'ON',
      };
      const build = join(work, 'build');
      await run('cmake', [
        ...['-G', 'Ninja', '-S', source, '-B', build],
        ...Object.entries(options).map(([key, value]) => `-D${key}=${value}`),
      ]);
      await run('cmake', ['--build', build, '--parallel', String(jobs), '--target', 'library']);
      await run('cmake', ['--install', build, '--prefix', folder, '--component', 'library']);
      const archive = join(folder, 'lib/librm-agent.a');
      await run(`${compiler.prefix}-strip`, ['--strip-unneeded', '--enable-deterministic-archives', archive]);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}
