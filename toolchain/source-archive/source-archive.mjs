// The release's source archive: what a build system for images needs, without Node, npm or a network.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { shortCommit } from '../commit.mjs';
import { needPackages } from '../debian.mjs';
import { patchFolder, unpackedSource } from '../fetch-source.mjs';
import { initFiles, initKinds } from '../init/init.mjs';
import { tarGz } from '../packages/tar.mjs';
import { sources } from '../sources.mjs';
import { switchesFor } from '../tiny/features.mjs';
import { bundledScript, libraryScript } from '../tiny/scripts.mjs';
import { recipeFolders, recipes } from './recipes.mjs';

/** @typedef {import('../packages/file-tree.mjs').RegularFile} RegularFile */

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The libraries that are inside, each with what is compiled of it. */
const libraries = /** @type {const} */ ([
  {
    name: 'quickjs',
    parts: /^(?:LICENSE|VERSION|[\w-]+\.h|(?:quickjs|libregexp|libunicode|dtoa|cutils)\.c)$/,
  },
  { name: 'mbedtls', parts: /^(?:LICENSE|library\/\w+\.[ch]|include\/.*\.h)$/ },
]);

/**
 * @param {string} path
 * @param {Buffer | string} content
 * @returns {RegularFile}
 */
const file = (path, content) => ({ path, mode: 0o644, content: Buffer.from(content) });

/**
 * The files of `folder` whose path in it matches.
 * @param {string} folder
 * @param {RegExp} pattern
 * @param {string} prefix before their paths in the archive
 */
function filesOf(folder, pattern, prefix) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => pattern.test(path))
    .map((path) => file(prefix + path, readFileSync(join(folder, path))));
}

/**
 * Where each library comes from and what we have changed in it.
 * @returns {string}
 */
function provenance() {
  const parts = libraries.map(({ name }) => {
    const { version, licence, file, sha256, patches = [] } = sources[name];
    return [
      `${name} ${version} (${licence})`,
      `  from ${file}, SHA-256 ${sha256}`,
      ...patches.map((patch) => `  changed by patches/${patch}`),
    ].join('\n');
  });
  return `${parts.join('\n\n')}\n`;
}

/**
 * The files of each init system, in a folder each that has the layout of the root file system. The links by which an image
 * starts the agent at boot are left to the build system.
 */
function initSystems() {
  return initKinds().flatMap((kind) =>
    initFiles(kind).flatMap((entry) =>
      'content' in entry ? [{ ...entry, path: `init/${kind}/${entry.path}` }] : [],
    ),
  );
}

/**
 * Everything in the archive, below its one folder.
 * @returns {Promise<RegularFile[]>}
 */
export async function sourceFiles() {
  await needPackages(['bzip2', 'patch', 'xz-utils']);
  const entries = [
    ...filesOf(join(root, 'agent/tiny'), /^(?:CMakeLists\.txt|(?:src|include)\/\w+\.(?:c|h|inc))$/, ''),
    ...filesOf(join(root, 'agent/sdk/c'), /^(?:rm-agent\.pc\.in|(?:src|include)\/\w+\.[ch])$/, 'library/'),
    ...filesOf(join(root, 'toolchain/source-archive'), /^README\.md$/, ''),
    ...filesOf(root, /^LICENSE$/, ''),
    ...filesOf(join(root, 'agent'), /^rm-agent\.schema\.json$/, ''),
    ...initSystems(),
    file('VERSION', `${version}\n`),
    file('COMMIT', `${shortCommit()}\n`),
    file('rm-agent.js', await bundledScript({})),
    file('rm-agent-without-mqtt.js', await bundledScript(switchesFor(['mqtt']).define)),
    file('rm-agent-library.js', await libraryScript()),
    file('third-party/SOURCES', provenance()),
  ];
  for (const { name, parts } of libraries) {
    const { patches = [] } = sources[name];
    entries.push(
      ...filesOf(await unpackedSource(name), parts, `third-party/${name}/`),
      ...patches.map((patch) => file(`third-party/patches/${patch}`, readFileSync(join(patchFolder, patch)))),
    );
  }
  return entries;
}

/** The folder in the archive, and with `.tar.gz` its name. */
export const archiveName = `rm-agent-${version}`;

/**
 * The archive itself: the same bytes for the same commit.
 * @param {readonly RegularFile[]} files of {@link sourceFiles}
 * @returns {Buffer}
 */
export function archiveOf(files) {
  return tarGz(files.map((entry) => ({ ...entry, path: `${archiveName}/${entry.path}` })));
}

/**
 * Writes the archive into a folder, and beside it the recipes of Yocto, Buildroot and OpenWrt for this very archive.
 * @param {string} [folder] `dist/source` by default
 * @returns {Promise<string>} the path of `rm-agent-VERSION.tar.gz`
 */
export async function sourceArchive(folder = join(root, 'dist/source')) {
  const path = join(folder, `${archiveName}.tar.gz`);
  const files = await sourceFiles();
  const archive = archiveOf(files);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, archive);
  for (const name of Object.keys(recipeFolders)) rmSync(join(folder, name), { recursive: true, force: true });
  for (const { path, mode, content } of recipes(archive, files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), mode);
  }
  return path;
}
