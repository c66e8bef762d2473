// The archive that a kernel unpacks as its first root file system: cpio in the "newc" format
// (Documentation/driver-api/early-userspace/buffer-format.rst).
import { fileTree } from '../packages/file-tree.mjs';

/** @param {Buffer} part */
const aligned = (part) => Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)]);

/** @param {number} inode @param {number} mode @param {string} path @param {Buffer} content */
function member(inode, mode, path, content) {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([aligned(Buffer.concat([Buffer.from(header), name])), aligned(content)]);
}

/**
 * @param {readonly import('../packages/file-tree.mjs').FileEntry[]} entries
 * @returns {Buffer}
 */
export function cpio(entries) {
  const members = fileTree(entries).map((entry, index) => {
    if ('link' in entry) return member(index + 1, 0o120777, entry.path, Buffer.from(entry.link));
    if ('directory' in entry) return member(index + 1, 0o040000 | entry.mode, entry.path, Buffer.alloc(0));
    return member(index + 1, 0o100000 | entry.mode, entry.path, entry.content);
  });
  return Buffer.concat([...members, member(0, 0, 'TRAILER!!!', Buffer.alloc(0))]);
}
