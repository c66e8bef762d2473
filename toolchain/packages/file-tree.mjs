// What is in a package or an image, apart from the format that it is written in.

/**
 * @typedef {{ path: string, mode: number, content: Buffer }} RegularFile
 * @typedef {{ path: string, mode: number, link: string }} SymbolicLink `link` is the target; `mode` is not used
 * @typedef {{ path: string, mode: number, directory: true }} Directory
 * @typedef {RegularFile | SymbolicLink | Directory} FileEntry `path` is relative to the root, without `./`. All belong
 *   to root.
 */

/** POSIX.1-2017 leaves more room, but no file of a package needs it, and old readers of tar take no more. */
const longestPath = 255;

/** @param {string} path */
function checkPath(path) {
  const parts = path.split('/');
  const wellFormed = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!wellFormed || path.includes('\0') || Buffer.byteLength(path) > longestPath) {
    throw new Error(`not a path inside a package: ${JSON.stringify(path)}`);
  }
}

/**
 * In byte order, whatever the language of this machine.
 * @param {{ path: string }} a
 * @param {{ path: string }} b
 */
const byPath = (a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));

/**
 * The same entries sorted by path, with the directories that they are in (mode 0755) before them.
 * @param {readonly FileEntry[]} entries
 * @returns {FileEntry[]}
 * @throws {Error} for a path that leaves the root, a path that occurs twice, or one below something that is no directory
 */
export function fileTree(entries) {
  /** @type {Map<string, FileEntry>} */
  const tree = new Map();
  for (const entry of entries) {
    checkPath(entry.path);
    if (tree.has(entry.path)) throw new Error(`${entry.path} occurs twice`);
    tree.set(entry.path, entry);
  }
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      const found = tree.get(parent);
      if (found === undefined) tree.set(parent, { path: parent, mode: 0o755, directory: true });
      else if (!('directory' in found)) throw new Error(`${parent} is no directory, but ${path} is in it`);
    }
  }
  return [...tree.values()].sort(byPath);
}

/**
 * What the files take, without what a file system adds.
 * @param {readonly FileEntry[]} entries
 */
export function totalBytes(entries) {
  return entries.reduce((sum, entry) => sum + ('content' in entry ? entry.content.length : 0), 0);
}
