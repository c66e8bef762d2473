// What the released files are made of, for the bills of materials.
import { sources } from '../sources.mjs';
import { product } from './product.mjs';

/** @typedef {import('./bill-of-materials.mjs').Part} Part */

/** Our own code. @type {Part} */
export const ownPart = {
  name: product.name,
  version: product.version,
  licence: product.licence,
  cpe: product.cpe,
};

/** Debian writes the date of QuickJS with points, upstream and the CPE dictionary with hyphens. @param {string} version */
const upstreamVersion = (version) => version.replace(/^(\d{4})\.(\d\d)\.(\d\d)$/, '$1-$2-$3');

/** @param {string} vendorAndProduct @param {string} version */
const cpe = (vendorAndProduct, version) => `cpe:2.3:a:${vendorAndProduct}:${version}:*:*:*:*:*:*:*`;

/**
 * The parts of a static executable.
 * @param {Awaited<ReturnType<typeof import('../tiny/manifest.mjs').manifestOf>>} manifest
 * @returns {Part[]}
 */
export function partsOfStatic({ contains }) {
  return contains.flatMap(({ name, version: built, licence }) => {
    if (name === product.name) return [ownPart];
    const source = Object.entries(sources).find(([key]) => key === name)?.[1];
    if (source === undefined) return [{ name, version: built, licence }];
    const version = upstreamVersion(source.version);
    return [{ name, version, licence, cpe: cpe(source.cpe, version) }];
  });
}

/**
 * Node, whose licence file lists what is in it.
 * @param {string} version
 * @returns {Part}
 */
export const nodePart = (version) => ({
  name: 'node',
  version,
  licence: 'MIT',
  cpe: cpe('nodejs:node.js', version),
});

/**
 * A package of the npm registry.
 * @param {{ name: string, version: string, license?: string }} about
 * @returns {Part}
 */
export const npmPart = ({ name, version, license = 'NOASSERTION' }) => ({
  name,
  version,
  licence: license,
  purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
});

/**
 * A package of Debian.
 * @param {{ name: string, version: string, architecture: string }} about
 * @returns {Part}
 */
export const debianPart = ({ name, version, architecture }) => ({
  name,
  version,
  licence: 'NOASSERTION',
  purl: `pkg:deb/debian/${name}@${version.replaceAll('+', '%2B').replaceAll(':', '%3A')}?arch=${architecture}`,
});
