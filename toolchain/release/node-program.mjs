// The files of a program of ours for Node: its npm packages, with their native code compiled for the processor.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledPackages } from '../bundled-packages.mjs';
import { cached, sha256 } from '../cache.mjs';
import { bases, unpackPackage } from '../node-executable/base-binaries.mjs';
import { run } from '../subprocess.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */
/** @typedef {{ name: string, folder: string, version: string, license: string }} NpmPackage */

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The prefix of Debian's cross compilers, by platform. */
export const compilers = /** @type {const} */ ({
  'linux-x64': 'x86_64-linux-gnu',
  'linux-arm64': 'aarch64-linux-gnu',
  'linux-armv7': 'arm-linux-gnueabihf',
});

/** Files that nobody needs to run a package. */
const notNeeded =
  /(^|\/)\.|^(test|tests|docs|examples|benchmarks?)\/|\.(md|html|sh|d\.ts|d\.mts|d\.cts|map|yml|tsbuildinfo)$/;
/** And of those with native code, which we compile ourselves. */
const native = new Set(['better-sqlite3', 'bufferutil']);
const nativeSource = /^(deps|src|build|prebuilds)\/|\.gyp$/;

/** Both only find or fetch a binary when they are installed. */
const atInstallation = ['prebuild-install'];

/**
 * Where a package finds one that it depends on, as Node looks for it.
 * @param {string} from folder of the package
 * @param {string} name
 */
function resolved(from, name) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(found)) return found;
    if (folder === root || folder === dirname(folder)) throw new Error(`${name}: not installed, for ${from}`);
  }
}

/**
 * The npm packages that a workspace needs, with all that they need, by their places below `node_modules`.
 * @param {string} program name of the workspace
 * @returns {Map<string, NpmPackage>}
 */
export function packagesOf(program) {
  /** @type {Map<string, NpmPackage>} */
  const found = new Map();
  const queue = [join(root, 'node_modules', program)];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const place = path.slice(path.indexOf('node_modules/') + 'node_modules/'.length);
    if (found.has(place)) continue;
    const folder = realpathSync(path);
    const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const { name, dependencies = {}, version, license } = about;
    found.set(place, { name, folder, version, license });
    const wanted = Object.keys(dependencies).filter((dependency) => !atInstallation.includes(dependency));
    queue.push(...wanted.map((dependency) => resolved(folder, dependency)));
  }
  return found;
}

/**
 * @param {string} folder
 * @param {string} path in the image
 * @param {(file: string) => boolean} wanted
 * @returns {FileEntry[]}
 */
function tree(folder, path, wanted) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file, relative: file.slice(folder.length + 1) }))
    .filter(({ relative }) => !relative.startsWith('node_modules/') && wanted(relative))
    .map(({ file, relative }) => ({ path: `${path}/${relative}`, mode: 0o644, content: readFileSync(file) }));
}

/**
 * Each once: the server and its pages for browsers have some in common.
 * @param {readonly NpmPackage[]} packages
 */
function distinct(packages) {
  return [...new Map(packages.map((one) => [`${one.name}@${one.version}`, one])).values()];
}

/** The headers of Node. @param {keyof typeof bases} platform */
function headers(platform) {
  // The same for every processor; the package for this one need not have them.
  const base = bases[platform];
  return cached(`node-headers-${platform}`, base.integrity, (folder) =>
    unpackPackage(base, folder, ['include']),
  );
}

/**
 * better-sqlite3's native code for a platform. bufferutil has a fallback in JavaScript.
 * @param {keyof typeof compilers} platform
 */
async function sqlite(platform) {
  const gnu = compilers[platform];
  const source = realpathSync(join(root, 'node_modules/better-sqlite3'));
  const include = join(await headers(platform), 'include/node');
  const compiler = (await run(`${gnu}-g++`, ['--version'])).split('\n')[0];
  const about = readFileSync(join(source, 'package.json'), 'utf8');
  const inputs = [compiler, sha256(about), bases[platform].integrity, 'better-sqlite3'];
  return cached(`better-sqlite3-${platform}`, inputs, async (folder) => {
    console.error(`Building better-sqlite3 for ${platform} …`);
    const options = readFileSync(join(source, 'deps/defines.gypi'), 'utf8');
    const defines = [...options.matchAll(/'((?:SQLITE|HAVE)[^']*)'/g)].map(([, define]) => `-D${define}`);
    const maps = [`-ffile-prefix-map=${source}=better-sqlite3`, `-ffile-prefix-map=${include}=node`];
    const common = ['-fPIC', '-O2', '-w', ...maps];
    const object = join(folder, 'sqlite3.o');
    mkdirSync(folder, { recursive: true });
    const amalgamation = join(source, 'deps/sqlite3/sqlite3.c');
    await run(`${gnu}-gcc`, [...common, ...defines, '-c', amalgamation, '-o', object]);
    const module = join(folder, 'better_sqlite3.node');
    await run(`${gnu}-g++`, [
      ...common,
      ...['-std=c++20', '-shared', '-fno-rtti', '-fno-exceptions', '-DBUILDING_NODE_EXTENSION'],
      ...['-DNODE_GYP_MODULE_NAME=better_sqlite3', '-D_FILE_OFFSET_BITS=64', '-D_LARGEFILE_SOURCE'],
      `-I${include}`,
      `-I${join(source, 'deps/sqlite3')}`,
      join(source, 'src/better_sqlite3.cpp'),
      object,
      ...['-Wl,--build-id=none', '-o', module],
    ]);
    await run(`${gnu}-strip`, ['--strip-unneeded', module]);
  });
}

/**
 * The program below `usr/lib/PROGRAM/node_modules`, and the packages that it is made of, those in its bundles for browsers too. The compiler has to be installed.
 * @param {string} program name of the workspace, which is compiled
 * @param {keyof typeof compilers} platform
 * @returns {Promise<{ entries: FileEntry[], packages: NpmPackage[] }>}
 */
export async function nodeProgram(program, platform) {
  const packages = packagesOf(program);
  const modules = `usr/lib/${program}/node_modules`;
  const module = join(await sqlite(platform), 'better_sqlite3.node');
  const entries = [...packages].flatMap(([place, { name, folder }]) =>
    tree(folder, `${modules}/${place}`, (file) =>
      name.startsWith('rm-')
        ? /^(dist\/.*\.js|dist\/(desk-)?assets\/.*|package\.json|LICENSE)$/.test(file)
        : !notNeeded.test(file) && !(native.has(name) && nativeSource.test(file)),
    ),
  );
  return {
    entries: [
      ...entries,
      {
        path: `${modules}/better-sqlite3/build/Release/better_sqlite3.node`,
        mode: 0o755,
        content: readFileSync(module),
      },
    ],
    packages: distinct([...packages.values(), ...(program === 'rm-server' ? bundledPackages() : [])]),
  };
}
