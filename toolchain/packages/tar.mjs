// Archives in GNU's old tar format, which dpkg, opkg and every tar read.
import { gzipSync } from 'node:zlib';
import { sourceDate } from '../commit.mjs';
import { fileTree } from './file-tree.mjs';

const block = 512;

/** @param {Buffer} header @param {number} offset @param {number} length @param {number} value */
function octal(header, offset, length, value) {
  const digits = value.toString(8);
  if (digits.length >= length) throw new Error(`${value} does not fit into a tar header`);
  header.write(`${digits.padStart(length - 1, '0')}\0`, offset, 'latin1');
}

/**
 * @param {{ name: Buffer, mode: number, size: number, time: number, type: string, link?: Buffer }} fields
 */
function headerOf({ name, mode, size, time, type, link = Buffer.alloc(0) }) {
  const header = Buffer.alloc(block);
  name.copy(header, 0, 0, 100);
  octal(header, 100, 8, mode);
  octal(header, 108, 8, 0);
  octal(header, 116, 8, 0);
  octal(header, 124, 12, size);
  octal(header, 136, 12, time);
  header.write(type, 156, 'latin1');
  link.copy(header, 157, 0, 100);
  header.write('ustar  \0', 257, 'latin1');
  header.write('root', 265, 'latin1');
  header.write('root', 297, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** @param {Buffer} content */
function padded(content) {
  return Buffer.concat([content, Buffer.alloc((block - (content.length % block)) % block)]);
}

/**
 * A name longer than its field goes before the header, in a record of its own (GNU tar's `././@LongLink`).
 * @param {'L' | 'K'} type of a name, of a link's target
 * @param {Buffer} text
 */
function longName(type, text) {
  if (text.length <= 100) return [];
  const content = Buffer.concat([text, Buffer.alloc(1)]);
  const name = Buffer.from('././@LongLink');
  return [headerOf({ name, mode: 0, size: content.length, time: 0, type }), padded(content)];
}

/**
 * @param {import('./file-tree.mjs').FileEntry} entry
 * @param {{ time: number, prefix: string }} options
 */
function recordsOf(entry, { time, prefix }) {
  if ('link' in entry) {
    const name = Buffer.from(prefix + entry.path);
    const link = Buffer.from(entry.link);
    const header = headerOf({ name, mode: 0o777, size: 0, time, type: '2', link });
    return [...longName('K', link), ...longName('L', name), header];
  }
  if ('directory' in entry) {
    const name = Buffer.from(`${prefix}${entry.path}/`);
    return [...longName('L', name), headerOf({ name, mode: entry.mode, size: 0, time, type: '5' })];
  }
  const name = Buffer.from(prefix + entry.path);
  const { mode, content } = entry;
  const header = headerOf({ name, mode, size: content.length, time, type: '0' });
  return [...longName('L', name), header, padded(content)];
}

/**
 * An archive of a tree; all in it belong to root.
 * @param {readonly import('./file-tree.mjs').FileEntry[]} entries
 * @param {object} [options]
 * @param {number} [options.time] of every entry, seconds since 1970
 * @param {string} [options.prefix] before every path; `./` as in packages
 * @returns {Buffer}
 */
export function tar(entries, { time = sourceDate(), prefix = '' } = {}) {
  const root =
    prefix === './' ? [headerOf({ name: Buffer.from('./'), mode: 0o755, size: 0, time, type: '5' })] : [];
  const records = fileTree(entries).flatMap((entry) => recordsOf(entry, { time, prefix }));
  const archive = Buffer.concat([...root, ...records, Buffer.alloc(2 * block)]);
  // Whole records of 20 blocks, as tar writes them.
  return Buffer.concat([archive, Buffer.alloc((10_240 - (archive.length % 10_240)) % 10_240)]);
}

/**
 * Compressed, with neither a name nor a time in the header (RFC 1952).
 * @param {Buffer} content
 * @returns {Buffer}
 */
export function gzip(content) {
  const compressed = gzipSync(content, { level: 9 });
  // "Unknown": zlib writes the system that it was compiled for.
  compressed[9] = 255;
  return compressed;
}

/**
 * {@link tar}, compressed.
 * @param {readonly import('./file-tree.mjs').FileEntry[]} entries
 * @param {{ time?: number, prefix?: string }} [options]
 */
export const tarGz = (entries, options) => gzip(tar(entries, options));
