import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cycloneDx, spdx } from './bill-of-materials.mjs';
import { checkers } from './checkers.mjs';
import { debianPart, nodePart, npmPart, ownPart, partsOfStatic } from './parts.mjs';

const parts = partsOfStatic({
  name: 'rm-agent',
  version: ownPart.version,
  target: 'mipsel-24kc',
  features: [],
  engine: 'quickjs',
  executable: { bytes: 0, squashfsBytes: 0, sha256: '' },
  compiler: 'gcc',
  contains: [
    { name: 'rm-agent', version: ownPart.version, licence: 'MIT' },
    { name: 'quickjs', version: '2025.04.26', licence: 'MIT', sha256: '' },
    { name: 'mbedtls', version: '3.6.7', licence: 'Apache-2.0 OR GPL-2.0-or-later', sha256: '' },
    { name: 'libgcc', version: 'gcc 12', licence: 'GPL-3.0-or-later WITH GCC-exception-3.1' },
  ],
});
/** @type {import('./bill-of-materials.mjs').Delivery[]} */
const deliveries = [
  { file: 'rm-agent-mipsel', sha256: 'a'.repeat(64), parts },
  {
    file: 'rm-reflector-image.tar',
    sha256: 'b'.repeat(64),
    parts: [
      nodePart('24.21.0'),
      npmPart({ name: '@scope/x', version: '1.0.0', license: 'MIT' }),
      debianPart({ name: 'libc6', version: '2.36-9+deb12u9', architecture: 'amd64' }),
    ],
  },
];
const time = 1_700_000_000;

/** @type {NodeJS.Require} */
let load;
let modules = '';
beforeAll(async () => {
  modules = await checkers();
  load = createRequire(join(modules, 'x.cjs'));
});

describe('a bill of materials', () => {
  it('for CycloneDX follows its schema and names engine and TLS library with their CPEs', () => {
    const schemas = join(modules, '@cyclonedx/cyclonedx-library/res/schema');
    const schema = (/** @type {string} */ name) => JSON.parse(readFileSync(join(schemas, name), 'utf8'));
    const { default: Ajv } = load('ajv');
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const name of ['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json']) {
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}`);
    }
    const validate = ajv.compile(schema('bom-1.6.SNAPSHOT.schema.json'));
    const bom = JSON.parse(cycloneDx(deliveries, time));
    validate(bom);
    expect(validate.errors).toBeNull();
    expect(bom.components).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'quickjs',
          version: '2025-04-26',
          cpe: 'cpe:2.3:a:quickjs_project:quickjs:2025-04-26:*:*:*:*:*:*:*',
        }),
        expect.objectContaining({ name: 'mbedtls', cpe: 'cpe:2.3:a:arm:mbed_tls:3.6.7:*:*:*:*:*:*:*' }),
      ]),
    );
    expect(bom.dependencies).toContainEqual({
      ref: 'rm-agent-mipsel',
      dependsOn: parts.map(({ name, version }) => `${name}@${version}`).sort(),
    });
  });

  it('for SPDX has an element for everything that it relates', () => {
    const document = JSON.parse(spdx(deliveries, time));
    /** @type {string[]} */
    const ids = document.packages.map((/** @type {{ SPDXID: string }} */ { SPDXID }) => SPDXID);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
    const known = new Set(['SPDXRef-DOCUMENT', ...ids]);
    for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
      expect(known).toContain(spdxElementId);
      expect(known).toContain(relatedSpdxElement);
    }
    expect(document.creationInfo.created).toBe('2023-11-14T22:13:20Z');
    expect(JSON.stringify(document)).toContain('cpe:2.3:a:arm:mbed_tls:3.6.7:*:*:*:*:*:*:*');
  });

  it('is always the same for the same parts', () => {
    expect(cycloneDx(deliveries, time)).toBe(cycloneDx(deliveries, time));
    expect(spdx(deliveries, time)).toBe(spdx(deliveries, time));
  });
});
