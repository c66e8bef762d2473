// The file system of the reflector's image: Node, the libraries that it needs, and the npm packages, with their native code
// compiled for the processor.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, sha256 } from '../cache.mjs';
import { needPackages } from '../debian.mjs';
import { baseBinary, bases, unpackPackage } from '../node-executable/base-binaries.mjs';
import { run } from '../subprocess.mjs';
import { debianPart, nodePart, npmPart, ownPart } from './parts.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where Debian keeps the C and C++ libraries of a platform on this machine.
 * @type {Readonly<Record<keyof typeof bases, { folders: readonly string[], gnu: string, loader: string, debian: string,
 *   packages: readonly string[] }>>}
 */
const platforms = {
  'linux-x64': {
    folders: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu'],
    gnu: 'x86_64-linux-gnu',
    loader: 'lib64/ld-linux-x86-64.so.2',
    debian: 'amd64',
    packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'g++'],
  },
  'linux-arm64': {
    folders: ['/usr/aarch64-linux-gnu/lib'],
    gnu: 'aarch64-linux-gnu',
    loader: 'lib/ld-linux-aarch64.so.1',
    debian: 'arm64',
    packages: [
      'libc6-arm64-cross',
      'libstdc++6-arm64-cross',
      'libgcc-s1-arm64-cross',
      'g++-aarch64-linux-gnu',
    ],
  },
  'linux-armv7': {
    folders: ['/usr/arm-linux-gnueabihf/lib'],
    gnu: 'arm-linux-gnueabihf',
    loader: 'lib/ld-linux-armhf.so.3',
    debian: 'armhf',
    packages: [
      'libc6-armhf-cross',
      'libstdc++6-armhf-cross',
      'libgcc-s1-armhf-cross',
      'g++-arm-linux-gnueabihf',
    ],
  },
};

/** What Node and the packages load. */
const libraries = [
  ...['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'librt.so.1'],
  ...['libstdc++.so.6', 'libgcc_s.so.1', 'libatomic.so.1'],
];

/** Files of a package that nobody needs to run it. */
const notNeeded =
  /(^|\/)(deps|src|build|prebuilds|test|docs|examples|benchmarks?|browser\.js|\.github)(\/|$)|\.(md|ts|map|yml)$/;

/**
 * @param {string} folder
 * @param {string} path in the image
 * @param {(file: string) => boolean} [wanted]
 * @returns {FileEntry[]}
 */
function tree(folder, path, wanted = () => true) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file, relative: file.slice(folder.length + 1) }))
    .filter(({ relative }) => !relative.startsWith('node_modules/') && wanted(relative))
    .map(({ file, relative }) => ({ path: `${path}/${relative}`, mode: 0o644, content: readFileSync(file) }));
}

/**
 * The npm packages that the reflector needs, with all that they need, each once.
 * @returns {Map<string, { folder: string, version: string, license: string }>}
 */
function packagesOf() {
  /** @type {Map<string, { folder: string, version: string, license: string }>} */
  const found = new Map();
  const queue = ['rm-reflector'];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name)) continue;
    const folder = realpathSync(join(root, 'node_modules', name));
    const {
      dependencies = {},
      version,
      license,
    } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    found.set(name, { folder, version, license });
    // Both only find or fetch a binary when they are installed.
    const atInstallation = ['prebuild-install'];
    queue.push(...Object.keys(dependencies).filter((dependency) => !atInstallation.includes(dependency)));
  }
  return found;
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
 * @param {keyof typeof bases} platform
 */
async function sqlite(platform) {
  const { gnu } = platforms[platform];
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

/** @param {keyof typeof bases} platform @returns {FileEntry[]} */
function systemLibraries(platform) {
  const { folders, gnu, loader } = platforms[platform];
  const find = (/** @type {string} */ name) => folders.map((folder) => join(folder, name)).find(existsSync);
  const name = loader.slice(loader.lastIndexOf('/') + 1);
  return [
    ...libraries.flatMap((library) => {
      const file = find(library);
      return file === undefined
        ? []
        : [{ path: `lib/${gnu}/${library}`, mode: 0o644, content: readFileSync(file) }];
    }),
    { path: loader, mode: 0o755, content: readFileSync(find(name) ?? `/${loader}`) },
  ];
}

/**
 * @param {keyof typeof bases} platform
 * @returns {Promise<{ entries: FileEntry[], parts: import('./bill-of-materials.mjs').Part[] }>}
 */
export async function reflectorTree(platform) {
  const { packages: debian, debian: architecture } = platforms[platform];
  await needPackages(debian);
  const node = await baseBinary(platform);
  const packages = packagesOf();
  const modules = 'usr/lib/rm-reflector/node_modules';
  const native = join(await sqlite(platform), 'better_sqlite3.node');
  const entries = [
    ...systemLibraries(platform),
    { path: 'usr/bin/node', mode: 0o755, content: readFileSync(join(node, 'node-stripped')) },
    { path: 'usr/share/doc/node/LICENSE', mode: 0o644, content: readFileSync(join(node, 'LICENSE')) },
    ...[...packages].flatMap(([name, { folder }]) =>
      tree(folder, `${modules}/${name}`, (file) =>
        name.startsWith('rm-')
          ? /^(dist\/.*\.js|package\.json|LICENSE)$/.test(file)
          : !notNeeded.test(file) || file.startsWith('lib/'),
      ),
    ),
    {
      path: `${modules}/better-sqlite3/build/Release/better_sqlite3.node`,
      mode: 0o755,
      content: readFileSync(native),
    },
  ];
  const versions = await run('dpkg-query', ['-W', '-f', '${Package} ${Version}\n', ...debian]);
  const parts = versions
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([name]) => name?.startsWith('lib'))
    .map(([name = '', version = '']) => debianPart({ name, version, architecture }));
  return {
    entries,
    parts: [
      ownPart,
      nodePart(bases[platform].version),
      ...[...packages]
        .filter(([name]) => !name.startsWith('rm-'))
        .map(([name, about]) => npmPart({ name, ...about })),
      ...parts,
    ],
  };
}
