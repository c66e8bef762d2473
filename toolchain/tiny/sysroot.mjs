// C library and compiler support of a target: musl, and the arithmetic that the processor lacks.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cached } from '../cache.mjs';
import { commonFlags, compileLibrary, jobs, regularFlags } from '../compile.mjs';
import { unpackedSource } from '../fetch-source.mjs';
import { sources } from '../sources.mjs';
import { run } from '../subprocess.mjs';
import { builtinsFor } from './builtins.mjs';

/**
 * @typedef {object} Sysroot
 * @property {string} folder with `include` and `lib`
 * @property {string} key differs when anything differs that made it
 * @property {readonly string[]} compileFlags what finds the headers, and only these
 * @property {readonly string[]} linkFlags before the objects
 * @property {readonly string[]} linkLibraries after the objects
 * @property {readonly ('musl' | 'compiler-rt')[]} contains
 */

/** A static library alone, small, with the copying of memory and strings made for speed. */
const muslOptions = ['--disable-shared', '--disable-gcc-wrapper', '--enable-optimize=string'];

/** What undoes `regularFlags` where memory is copied. */
const fastFlags = regularFlags.map((flag) => flag.replace('-fno-', '-f'));

/** Large files of musl without assembler, which may have the compact instruction set: nothing that the agent waits for. */
const compactFiles = [
  'env/setenv',
  'internal/intscan',
  'network/dns_parse',
  'network/getaddrinfo',
  'network/if_nameindex',
  'network/inet_ntop',
  'network/inet_pton',
  'network/lookup_ipliteral',
  'network/lookup_name',
  'network/lookup_serv',
  'network/resolvconf',
  'process/execvp',
  'stdio/fgets',
  'stdio/vfprintf',
  'stdlib/qsort',
  'string/memmem',
  'string/strstr',
  'time/__secs_to_tm',
  'time/__tz',
  'time/__year_to_secs',
];

/**
 * musl's own build, out of its source folder.
 * @param {string} source
 * @param {string} folder
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 */
async function buildMusl(source, folder, target, compiler) {
  const work = join(folder, 'work');
  mkdirSync(work);
  const flags = [...target.cflags, ...(target.libraryFlags ?? []), ...commonFlags, ...regularFlags];
  const cflags = [
    ...flags.filter((flag) => !flag.startsWith('-std=')),
    `-ffile-prefix-map=${source}=musl`,
    `-ffile-prefix-map=${work}=musl`,
  ].join(' ');
  await run(
    join(source, 'configure'),
    [
      `--target=${compiler.prefix}`,
      `--prefix=${folder}`,
      ...muslOptions,
      `CROSS_COMPILE=${compiler.prefix}-`,
      `CC=${compiler.cc}`,
      `CFLAGS=${cflags}`,
    ],
    { cwd: work },
  );
  const objects = compactFiles.map((file) => `obj/src/${file}.o`).join(' ');
  appendFileSync(
    join(work, 'config.mak'),
    `CFLAGS_MEMOPS += ${fastFlags.join(' ')}\n` +
      (target.compactFlags ? `${objects}: CFLAGS_ALL += ${target.compactFlags.join(' ')}\n` : ''),
  );
  await run('make', ['-s', `-j${jobs}`, 'install-libs', 'install-headers'], { cwd: work });
  rmSync(work, { recursive: true });
}

/**
 * @param {string} folder
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 */
async function buildBuiltins(folder, target, compiler) {
  const source = await unpackedSource('compiler-rt');
  await compileLibrary({
    compiler,
    flags: [
      ...target.cflags,
      ...(target.libraryFlags ?? []),
      ...commonFlags,
      '-fno-builtin',
      '-isystem',
      join(folder, 'include'),
      `-ffile-prefix-map=${source}=compiler-rt`,
    ],
    files: builtinsFor(compiler.prefix).map((file) => join(source, 'lib/builtins', file)),
    output: join(folder, 'lib/libbuiltins.a'),
  });
}

/**
 * The sysroot of a target, from the cache or made now.
 * @param {string} name
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 * @returns {Promise<Sysroot>}
 */
export async function sysrootFor(name, target, compiler) {
  const own = target.builtins === 'compiler-rt';
  const source = await unpackedSource('musl');
  const inputs = {
    compiler: compiler.identity,
    flags: [target.cflags, target.libraryFlags, commonFlags, regularFlags, fastFlags],
    compact: target.compactFlags && [target.compactFlags, compactFiles],
    musl: basename(source),
    muslOptions,
    builtins: own && [sources['compiler-rt'].sha256, builtinsFor(compiler.prefix)],
  };
  const folder = await cached(`sysroot-${name}`, inputs, async (unfinished) => {
    console.error(`Building the C library for ${name} …`);
    await buildMusl(source, unfinished, target, compiler);
    if (own) await buildBuiltins(unfinished, target, compiler);
    writeFileSync(join(unfinished, 'inputs.json'), JSON.stringify(inputs, null, 2));
  });
  const lib = join(folder, 'lib');
  const ownHeaders = (await run(compiler.cc, ['-print-file-name=include'])).trim();
  const support = own
    ? join(lib, 'libbuiltins.a')
    : (await run(compiler.cc, [...target.cflags, '-print-libgcc-file-name'])).trim();
  return {
    folder,
    key: basename(folder),
    compileFlags: ['-nostdinc', '-isystem', join(folder, 'include'), '-isystem', ownHeaders],
    linkFlags: [
      '-static',
      '-no-pie',
      '-nostdlib',
      // Buffers that begin on a page of their own lie together, and small variables behind them.
      '-Wl,--sort-section=alignment',
      '-Wl,--gc-sections,--build-id=none,-z,norelro,-z,noexecstack,-z,noseparate-code',
      `-L${lib}`,
      join(lib, 'crt1.o'),
      join(lib, 'crti.o'),
    ],
    linkLibraries: [
      '-Wl,--start-group',
      join(lib, 'libc.a'),
      support,
      '-Wl,--end-group',
      join(lib, 'crtn.o'),
    ],
    contains: own ? ['musl', 'compiler-rt'] : ['musl'],
  };
}
