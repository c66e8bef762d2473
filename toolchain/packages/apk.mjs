// Packages of apk-tools v3, OpenWrt's package manager since 2025 (apk-package(5), apk-v3(5)).
import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { sourceDate } from '../commit.mjs';
import { adbBlock, Database, nothing } from './adb.mjs';
import { fileTree, totalBytes } from './file-tree.mjs';
import { apkScripts } from './openwrt.mjs';
import { textFile } from './package.mjs';

/** Numbers of the fields in apk's schemas. */
const fields = {
  package: { info: 1, paths: 2, scripts: 3 },
  info: {
    ...{
      name: 1,
      version: 2,
      hashes: 3,
      description: 4,
      architecture: 5,
      licence: 6,
      origin: 7,
      maintainer: 8,
    },
    ...{ url: 9, installedSize: 12, depends: 15 },
  },
  dependency: { name: 1 },
  directory: { name: 1, acl: 2, files: 3 },
  file: { name: 1, acl: 2, size: 3, time: 4, hash: 5, target: 6 },
  acl: { mode: 1, user: 2, group: 3 },
};

const scriptNumbers = {
  ...{ 'pre-install': 2, 'post-install': 3, 'pre-deinstall': 4 },
  ...{ 'post-deinstall': 5, 'pre-upgrade': 6, 'post-upgrade': 7 },
};

const linkType = 0o120000;

/** @param {string} path */
const parentOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf('/')));
/** @param {string} path */
const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);
/** @param {Buffer} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** @param {Database} database @param {number} mode */
function aclOf(database, mode) {
  return [
    [fields.acl.mode, database.int(mode)],
    [fields.acl.user, database.blob('root')],
    [fields.acl.group, database.blob('root')],
  ];
}

/**
 * @param {Database} database
 * @param {import('./file-tree.mjs').RegularFile | import('./file-tree.mjs').SymbolicLink} entry
 * @param {number} time
 */
function fileObject(database, entry, time) {
  const isLink = 'link' in entry;
  const type = Buffer.alloc(2);
  type.writeUInt16LE(linkType);
  const name = database.blob(nameOf(entry.path));
  const hash = isLink ? nothing : database.blob(sha256(entry.content));
  const target = isLink ? database.blob(Buffer.concat([type, Buffer.from(entry.link)])) : nothing;
  const changed = database.int(time);
  const size = database.int(isLink ? Buffer.byteLength(entry.link) : entry.content.length);
  const acl = database.object(Object.fromEntries(aclOf(database, isLink ? 0o777 : entry.mode)));
  const { file } = fields;
  return database.object({
    [file.name]: name,
    [file.acl]: acl,
    [file.size]: size,
    [file.time]: changed,
    [file.hash]: hash,
    [file.target]: target,
  });
}

/**
 * The directories with what is in each; the first is the root.
 * @param {readonly import('./file-tree.mjs').FileEntry[]} tree
 */
function directoriesOf(tree) {
  /** @type {{ path: string, mode: number, directory: true }[]} */
  const found = [{ path: '', mode: 0o755, directory: true }];
  for (const entry of tree) if ('directory' in entry) found.push(entry);
  return found.map(({ path, mode }) => {
    const inside = tree.filter((entry) => parentOf(entry.path) === path);
    return { path, mode, files: inside.filter((entry) => !('directory' in entry)) };
  });
}

/**
 * The database of a package, and the blocks with the content of its files.
 * @param {import('./package.mjs').Package} content whose `entries` are all that is installed
 * @param {Readonly<Record<string, string | undefined>>} scripts by apk's names
 * @param {number} time
 * @returns {Buffer}
 */
export function apkBody(content, scripts, time) {
  const database = new Database();
  const { info } = fields;
  const tree = fileTree(content.entries);
  const version = `${content.version}-r1`;
  /** @type {Record<number, number>} */
  const about = {
    [info.name]: database.blob(content.name),
    [info.version]: database.blob(version),
    [info.description]: database.blob(content.summary),
    [info.architecture]: database.blob(content.architecture),
    [info.licence]: database.blob(content.licence),
    [info.origin]: database.blob(content.name),
    [info.maintainer]: database.blob(content.maintainer),
    [info.url]: database.blob(content.homepage),
    [info.depends]: database.array(
      [...content.depends]
        .sort()
        .map((name) => database.object({ [fields.dependency.name]: database.blob(name) })),
    ),
  };

  /** @type {Buffer[]} */
  const data = [];
  const directories = directoriesOf(tree).map(({ path, mode, files }, directory) => {
    const objects = files.map((entry, file) => {
      if ('content' in entry && entry.content.length > 0) {
        const place = Buffer.alloc(8);
        place.writeUInt32LE(directory + 1, 0);
        place.writeUInt32LE(file + 1, 4);
        data.push(adbBlock('data', Buffer.concat([place, entry.content])));
      }
      if ('directory' in entry) throw new Error(`${entry.path} is a directory`);
      return fileObject(database, entry, time);
    });
    const name = database.blob(path);
    const acl = database.object(Object.fromEntries(aclOf(database, mode)));
    const list = database.array(objects);
    const { directory: numbers } = fields;
    return database.object({ [numbers.name]: name, [numbers.acl]: acl, [numbers.files]: list });
  });

  about[info.installedSize] = database.int(Math.max(1, totalBytes(tree)));
  // Filled in below, and so shared with no equal bytes.
  const identity = database.blob(Buffer.alloc(20), false);
  about[info.hashes] = identity;
  const aboutObject = database.object(about);
  const paths = database.array(directories);
  const scriptValues = Object.fromEntries(
    Object.entries(scriptNumbers).map(([name, number]) => [number, database.blob(scripts[name] ?? '')]),
  );
  const root = database.object({
    [fields.package.info]: aboutObject,
    [fields.package.paths]: paths,
    [fields.package.scripts]: database.object(scriptValues),
  });
  const bytes = database.finish(root);
  sha256(bytes).copy(bytes, Database.contentOffset(identity), 0, 20);

  return Buffer.concat([Buffer.from('ADB.pckg'), adbBlock('database', bytes), ...data]);
}

/**
 * The lists that OpenWrt's functions read from `/lib/apk/packages`.
 * @param {import('./package.mjs').Package} content
 */
function listsOf({ name, user, conffiles, entries }) {
  const inPackage = new Map(entries.map((entry) => [`/${entry.path}`, entry]));
  const paths = entries.filter((entry) => !('directory' in entry)).map(({ path }) => `/${path}\n`);
  const sums = conffiles.flatMap((path) => {
    const entry = inPackage.get(path);
    return entry !== undefined && 'content' in entry
      ? [`${path} ${sha256(entry.content).toString('hex')}\n`]
      : [];
  });
  const folder = `lib/apk/packages/${name}`;
  return [
    textFile(`${folder}.list`, paths.sort().join('')),
    ...(conffiles.length > 0
      ? [textFile(`${folder}.conffiles`, conffiles.map((path) => `${path}\n`).join(''))]
      : []),
    ...(sums.length > 0 ? [textFile(`${folder}.conffiles_static`, sums.join(''))] : []),
    ...(user === undefined ? [] : [textFile(`${folder}.rusers`, `${user}\n`)]),
  ];
}

/**
 * A package for OpenWrt, not signed: install it with `apk add --allow-untrusted`.
 * @param {import('./package.mjs').Package} content
 * @param {{ time?: number }} [options] of all files, seconds since 1970
 * @returns {Buffer}
 */
export function apk(content, { time = sourceDate() } = {}) {
  const entries = [...content.entries, ...listsOf(content)];
  const body = apkBody({ ...content, entries }, apkScripts(content.name, content.scripts), time);
  return Buffer.concat([Buffer.from('ADBd'), deflateRawSync(body, { level: 9 })]);
}
