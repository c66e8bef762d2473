// Packages of Debian (deb(5), deb-control(5)).
import { createHash } from 'node:crypto';
import { sourceDate } from '../commit.mjs';
import { fileTree } from './file-tree.mjs';
import { controlFile, textFile } from './package.mjs';
import { tarGz } from './tar.mjs';

/**
 * A member of an archive in ar's common format.
 * @param {string} name at most 16 bytes
 * @param {Buffer} content
 * @param {number} time
 */
function member(name, content, time) {
  const fields = [
    name.padEnd(16),
    String(time).padEnd(12),
    '0'.padEnd(6),
    '0'.padEnd(6),
    '100644'.padEnd(8),
    String(content.length).padEnd(10),
  ];
  return [Buffer.from(`${fields.join('')}\`\n`), content, Buffer.from(content.length % 2 === 1 ? '\n' : '')];
}

/**
 * As dpkg-gencontrol counts: a KiB for each directory and link, files rounded up.
 * @param {readonly import('./file-tree.mjs').FileEntry[]} entries
 */
function installedKiB(entries) {
  return entries.reduce(
    (sum, entry) => sum + ('content' in entry ? Math.ceil(entry.content.length / 1024) : 1),
    0,
  );
}

/** @param {readonly import('./file-tree.mjs').FileEntry[]} entries */
function md5sums(entries) {
  return entries
    .flatMap((entry) =>
      'content' in entry ? [`${createHash('md5').update(entry.content).digest('hex')}  ${entry.path}\n`] : [],
    )
    .join('');
}

/**
 * A paragraph of a description, folded (Debian's policy, section 5.6.13).
 * @param {string} paragraph
 */
function folded(paragraph) {
  /** @type {string[]} */
  const lines = [];
  for (const word of paragraph.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > 74) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => ` ${line}`).join('\n');
}

/**
 * @param {import('./package.mjs').Package} content
 * @param {{ time?: number }} [options] of all files, seconds since 1970
 * @returns {Buffer}
 */
export function deb(content, { time = sourceDate() } = {}) {
  const entries = fileTree(content.entries);
  const control = controlFile([
    ['Package', content.name],
    ['Version', `${content.version}-1`],
    ['Architecture', content.architecture],
    ['Maintainer', content.maintainer],
    ['Installed-Size', String(installedKiB(entries))],
    ['Depends', content.depends.join(', ')],
    ['Section', content.section],
    ['Priority', 'optional'],
    ['Homepage', content.homepage],
    ['Description', `${content.summary}\n${content.details.map(folded).join('\n .\n')}`],
  ]);
  const scripts = Object.entries(content.scripts).map(([name, script]) =>
    textFile(name, `#!/bin/sh\nset -e\n${script}`, 0o755),
  );
  const about = [
    textFile('control', control),
    textFile('md5sums', md5sums(entries)),
    ...(content.conffiles.length === 0
      ? []
      : [textFile('conffiles', content.conffiles.map((path) => `${path}\n`).join(''))]),
    ...scripts,
  ];
  const options = { time, prefix: './' };
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    ...member('debian-binary', Buffer.from('2.0\n'), time),
    ...member('control.tar.gz', tarGz(about, options), time),
    ...member('data.tar.gz', tarGz(entries, options), time),
  ]);
}
