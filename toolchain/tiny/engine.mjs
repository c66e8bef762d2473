// The JavaScript engine for a target.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cached } from '../cache.mjs';
import { commonFlags, compileLibrary, regularFlags } from '../compile.mjs';
import { unpackedSource } from '../fetch-source.mjs';
import { sources } from '../sources.mjs';
import { leftOut, smallLibrary } from './library.mjs';
import { smallInterpreter, smallInterpreterInputs } from './operations.mjs';

/** @typedef {'quickjs' | 'quickjs-ng'} Engine */

/** What an engine is compiled with besides the target's own flags; of the first three switches, see the patches. */
const flags = [
  '-D__STDC_NO_ATOMICS__=1',
  '-DCONFIG_UNCHECKED_LEXICALS',
  '-DCONFIG_SMALL_LIBRARY',
  '-D_GNU_SOURCE',
  '-funsigned-char',
  '-fwrapv',
  '-fno-strict-aliasing',
  '-w',
];

const library = { quickjs: 'libquickjs.a', 'quickjs-ng': 'libqjs.a' };

/**
 * A folder with `include/quickjs.h` and the engine as `lib/libquickjs.a` or `lib/libqjs.a`.
 * @param {Engine} engine
 * @param {string} name of the target
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 * @param {import('./sysroot.mjs').Sysroot} sysroot
 */
export async function engineFor(engine, name, target, compiler, sysroot) {
  const source = await unpackedSource(engine);
  const { version } = sources[engine];
  const inputs = {
    compiler: compiler.identity,
    flags: [target.cflags, target.compactFlags, commonFlags, regularFlags, flags],
    sysroot: sysroot.key,
    source: basename(source),
    leftOut: engine === 'quickjs' && [leftOut, smallInterpreterInputs],
  };
  return cached(`${engine}-${name}`, inputs, async (folder) => {
    console.error(`Building ${engine} for ${name} …`);
    mkdirSync(join(folder, 'include'));
    cpSync(join(source, 'quickjs.h'), join(folder, 'include/quickjs.h'));
    const small = join(folder, 'quickjs.c');
    if (engine === 'quickjs')
      writeFileSync(small, smallInterpreter(smallLibrary(readFileSync(join(source, 'quickjs.c'), 'utf8'))));
    await compileLibrary({
      compiler,
      flags: [
        ...target.cflags,
        ...(target.compactFlags ?? []),
        ...commonFlags,
        ...regularFlags,
        ...flags,
        `-DCONFIG_VERSION="${version}"`,
        ...sysroot.compileFlags,
        `-I${source}`,
        `-ffile-prefix-map=${source}=${engine}`,
        `-ffile-prefix-map=${folder}=${engine}`,
      ],
      files: ['quickjs', 'libregexp', 'libunicode', 'dtoa', 'cutils']
        .map((file) => (file === 'quickjs' && engine === 'quickjs' ? small : join(source, `${file}.c`)))
        .filter((file) => existsSync(file)),
      output: join(folder, 'lib', library[engine]),
    });
    rmSync(small, { force: true });
  });
}
