// What every package manager wants to know of a package.

/**
 * Shell scripts that run on the machine, without the line `#!/bin/sh`, by the names of Debian's policy, chapter 6.
 * @typedef {Partial<Record<'preinst' | 'postinst' | 'prerm' | 'postrm', string>>} Scripts
 */

/**
 * @typedef {object} Package
 * @property {string} name
 * @property {string} version as upstream has it, such as `0.1.0`
 * @property {string} architecture in the words of the package manager
 * @property {string} section what kind of software it is, in the words of the package manager
 * @property {string} summary one line, without a full stop
 * @property {readonly string[]} details paragraphs
 * @property {string} licence SPDX expression
 * @property {string} maintainer `NAME <ADDRESS>`
 * @property {string} homepage
 * @property {string} [cpe] of Common Platform Enumeration, as far as the version
 * @property {string} [user] account and group that must exist (OpenWrt makes them)
 * @property {readonly string[]} depends names of packages
 * @property {Scripts} scripts
 * @property {readonly string[]} conffiles absolute paths that people change; a package manager keeps their changes
 * @property {readonly import('./file-tree.mjs').FileEntry[]} entries
 */

/**
 * A file of text.
 * @param {string} path
 * @param {string} content
 * @param {number} [mode]
 * @returns {import('./file-tree.mjs').FileEntry}
 */
export const textFile = (path, content, mode = 0o644) => ({ path, mode, content: Buffer.from(content) });

/**
 * The lines of a `control` file (Debian's policy, section 5.1); those without a value are left out.
 * @param {readonly (readonly [string, string | undefined])[]} fields
 */
export function controlFile(fields) {
  return fields
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}
