// Debian's packages for the guests: pinned in debian-packages.json, downloaded and unpacked, never installed.
import { readFileSync } from 'node:fs';
import { cached } from '../cache.mjs';
import { pinnedFile } from '../fetch-source.mjs';
import { BuildError, run } from '../subprocess.mjs';

/** @typedef {import('../fetch-source.mjs').PinnedFile} PinnedFile */

const pins = new URL('debian-packages.json', import.meta.url);

/** @type {Readonly<Record<string, Readonly<Record<string, PinnedFile>>>>} by Debian's name of the processor, then by package */
const packages = JSON.parse(readFileSync(pins, 'utf8'));

/**
 * @param {string} architecture Debian's name of the processor
 * @param {string} name
 */
function pinned(architecture, name) {
  const found = packages[architecture]?.[name];
  if (found === undefined)
    throw new BuildError(`toolchain/qemu/debian-packages.json has no ${name} for ${architecture}`);
  return found;
}

/**
 * The name under which a kernel's package is pinned.
 * @param {string} architecture Debian's name of the processor
 */
export function kernelPackage(architecture) {
  const name = Object.keys(packages[architecture] ?? {}).find((each) => each.startsWith('linux-image-'));
  if (name === undefined) throw new BuildError(`no kernel is pinned for ${architecture}`);
  return name;
}

/**
 * Unpacks a package into a folder.
 * @param {string} architecture Debian's name of the processor
 * @param {string} name
 * @param {string} folder
 */
export async function unpackInto(architecture, name, folder) {
  const file = await pinnedFile(name, pinned(architecture, name), 'toolchain/qemu/debian-packages.json');
  await run('dpkg-deb', ['--extract', file, folder]);
}

/**
 * The folder with these packages, unpacked one over the other.
 * @param {string} architecture Debian's name of the processor
 * @param {readonly string[]} names
 */
export function unpackedPackages(architecture, names) {
  const inputs = names.map((name) => pinned(architecture, name).sha256);
  return cached(`debian-${architecture}`, inputs, async (folder) => {
    for (const name of names) await unpackInto(architecture, name, folder);
  });
}

/** @param {string} architecture @param {string} name */
export const packageHash = (architecture, name) => pinned(architecture, name).sha256;
