// The recipes of build systems, with the version and the hashes of an archive filled in.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';

/** @typedef {import('../packages/file-tree.mjs').RegularFile} RegularFile */

const toolchain = fileURLToPath(new URL('..', import.meta.url));

/** Where the recipes are in the source tree, by the name of the folder that is written. */
export const recipeFolders = {
  buildroot: 'buildroot/external',
  'meta-rm-agent': 'yocto/meta-rm-agent',
  openwrt: 'openwrt/feed',
};

/**
 * `text` with its placeholders filled in: `@VERSION@`; `@SHA256@`, of the archive; `@SHA256:PATH@` and `@MD5:PATH@`, of a file
 * in it.
 * @param {string} text
 * @param {Buffer} archive
 * @param {readonly RegularFile[]} files what is in the archive
 * @returns {string}
 * @throws {Error} for a path that is not in it
 */
export function filledIn(text, archive, files) {
  const contentOf = (/** @type {string} */ path) => {
    const file = files.find((entry) => entry.path === path);
    if (!file) throw new Error(`a recipe names ${path}, which is not in the archive`);
    return file.content;
  };
  return text.replaceAll(/@(?:VERSION|(SHA256|MD5)(?::([^@\s]+))?)@/g, (_, algorithm, path) => {
    if (algorithm === undefined) return version;
    const content = path === undefined ? archive : contentOf(path);
    return createHash(algorithm.toLowerCase()).update(content).digest('hex');
  });
}

/**
 * The recipes of all build systems, to be put beside the archive.
 * @param {Buffer} archive
 * @param {readonly RegularFile[]} files what is in it
 * @returns {RegularFile[]}
 */
export function recipes(archive, files) {
  return Object.entries(recipeFolders).flatMap(([name, place]) => {
    const folder = join(toolchain, place);
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(folder, path)).isFile())
      .map((path) => ({
        path: `${name}/${filledIn(path, archive, files)}`,
        // Whatever the umask of the checkout was.
        mode: statSync(join(folder, path)).mode & 0o100 ? 0o755 : 0o644,
        content: Buffer.from(filledIn(readFileSync(join(folder, path), 'utf8'), archive, files)),
      }));
  });
}
