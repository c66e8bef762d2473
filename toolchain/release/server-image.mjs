// The file system of the image of a reflector: Node, the libraries that it needs, and the program.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { needPackages } from '../debian.mjs';
import { baseBinary, bases } from '../node-executable/base-binaries.mjs';
import { run } from '../subprocess.mjs';
import { compilers, nodeProgram } from './node-program.mjs';
import { debianPart, nodePart, npmPart, ownPart } from './parts.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */

/**
 * Where Debian keeps the C and C++ libraries of a platform on this machine.
 * @type {Readonly<Record<keyof typeof bases, { folders: readonly string[], loader: string, debian: string,
 *   packages: readonly string[] }>>}
 */
const platforms = {
  'linux-x64': {
    folders: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu'],
    loader: 'lib64/ld-linux-x86-64.so.2',
    debian: 'amd64',
    packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'g++'],
  },
  'linux-arm64': {
    folders: ['/usr/aarch64-linux-gnu/lib'],
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

/** @param {keyof typeof bases} platform @returns {FileEntry[]} */
function systemLibraries(platform) {
  const { folders, loader } = platforms[platform];
  const gnu = compilers[platform];
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
 * @param {'rm-reflector' | 'rm-server'} name
 * @param {keyof typeof bases} platform
 * @returns {Promise<{ entries: FileEntry[], parts: import('./bill-of-materials.mjs').Part[] }>}
 */
export async function serverTree(name, platform) {
  const { packages: debian, debian: architecture } = platforms[platform];
  await needPackages(debian);
  const node = await baseBinary(platform);
  const program = await nodeProgram(name, platform);
  const entries = [
    ...systemLibraries(platform),
    { path: 'usr/bin/node', mode: 0o755, content: readFileSync(join(node, 'node-stripped')) },
    { path: 'usr/share/doc/node/LICENSE', mode: 0o644, content: readFileSync(join(node, 'LICENSE')) },
    ...program.entries,
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
      ...program.packages.filter((one) => !one.name.startsWith('rm-')).map(npmPart),
      ...parts,
    ],
  };
}
