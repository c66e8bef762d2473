// Bills of materials in the two forms that are asked for: SPDX 2.3 and CycloneDX 1.6.
import { createHash } from 'node:crypto';
import { product } from './product.mjs';

/**
 * A part of a released file: a library that is compiled in, or a package inside an image.
 * @typedef {object} Part
 * @property {string} name
 * @property {string} version
 * @property {string} licence SPDX expression, or `NOASSERTION`
 * @property {string} [cpe] CPE 2.3
 * @property {string} [purl] package URL
 */

/**
 * @typedef {object} Delivery
 * @property {string} file name in the release
 * @property {string} sha256
 * @property {readonly Part[]} parts
 */

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** @param {Part} part */
const keyOf = ({ name, version }) => `${name}@${version}`;

/** @param {readonly Delivery[]} deliveries */
function distinctParts(deliveries) {
  const parts = new Map(deliveries.flatMap(({ parts: all }) => all.map((part) => [keyOf(part), part])));
  return [...parts.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** @param {number} time seconds since 1970 */
const timestamp = (time) => new Date(time * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

/**
 * @param {readonly Delivery[]} deliveries
 * @param {number} time seconds since 1970
 */
export function cycloneDx(deliveries, time) {
  const parts = distinctParts(deliveries);
  const hash = sha256(JSON.stringify(deliveries));
  const hex = `${hash.slice(0, 12)}5${hash.slice(13, 16)}8${hash.slice(17, 32)}`;
  const serial = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const root = `${product.name}@${product.version}-release`;
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${serial}`,
    version: 1,
    metadata: {
      timestamp: timestamp(time),
      component: {
        type: 'application',
        'bom-ref': root,
        name: product.name,
        version: product.version,
        licenses: [{ expression: product.licence }],
        cpe: product.cpe,
      },
    },
    components: [
      ...deliveries.map(({ file, sha256: content }) => ({
        type: 'file',
        'bom-ref': file,
        name: file,
        hashes: [{ alg: 'SHA-256', content }],
      })),
      ...parts.map((part) => ({
        type: 'library',
        'bom-ref': keyOf(part),
        name: part.name,
        version: part.version,
        ...(part.licence === 'NOASSERTION' ? {} : { licenses: [{ expression: part.licence }] }),
        ...(part.cpe === undefined ? {} : { cpe: part.cpe }),
        ...(part.purl === undefined ? {} : { purl: part.purl }),
      })),
    ],
    dependencies: [
      { ref: root, dependsOn: deliveries.map(({ file }) => file) },
      ...deliveries.map(({ file, parts: own }) => ({ ref: file, dependsOn: own.map(keyOf).sort() })),
    ],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** @param {string} text */
const spdxId = (text) => `SPDXRef-${text.replace(/[^A-Za-z0-9.-]/g, '-')}`;

/**
 * @param {readonly Delivery[]} deliveries
 * @param {number} time seconds since 1970
 */
export function spdx(deliveries, time) {
  const parts = distinctParts(deliveries);
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${product.name}-${product.version}`,
    documentNamespace: `${product.homepage}spdx/${product.name}-${product.version}-${sha256(JSON.stringify(deliveries))}`,
    creationInfo: { created: timestamp(time), creators: ['Tool: rm-agent-release'] },
    documentDescribes: deliveries.map(({ file }) => spdxId(file)),
    packages: [
      ...deliveries.map(({ file, sha256: checksumValue }) => ({
        SPDXID: spdxId(file),
        name: file,
        versionInfo: product.version,
        packageFileName: file,
        supplier: 'NOASSERTION',
        downloadLocation: 'NOASSERTION',
        filesAnalyzed: false,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: product.licence,
        copyrightText: 'NOASSERTION',
        checksums: [{ algorithm: 'SHA256', checksumValue }],
        externalRefs: [security(product.cpe)],
      })),
      ...parts.map((part) => ({
        SPDXID: spdxId(keyOf(part)),
        name: part.name,
        versionInfo: part.version,
        supplier: 'NOASSERTION',
        downloadLocation: 'NOASSERTION',
        filesAnalyzed: false,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: part.licence,
        copyrightText: 'NOASSERTION',
        externalRefs: [
          ...(part.cpe === undefined ? [] : [security(part.cpe)]),
          ...(part.purl === undefined
            ? []
            : [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: part.purl }]),
        ],
      })),
    ],
    relationships: [
      ...deliveries.map(({ file }) => ({
        spdxElementId: 'SPDXRef-DOCUMENT',
        relationshipType: 'DESCRIBES',
        relatedSpdxElement: spdxId(file),
      })),
      ...deliveries.flatMap(({ file, parts: own }) =>
        own.map((part) => ({
          spdxElementId: spdxId(file),
          relationshipType: 'CONTAINS',
          relatedSpdxElement: spdxId(keyOf(part)),
        })),
      ),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** @param {string} cpe */
function security(cpe) {
  return { referenceCategory: 'SECURITY', referenceType: 'cpe23Type', referenceLocator: cpe };
}
