// The C library as it is published: archive, header, pkg-config file and example for one processor and one C library.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilerFor } from '../compilers.mjs';
import { tarGz } from '../packages/tar.mjs';
import { sources } from '../sources.mjs';
import { targets } from '../targets.mjs';
import { libraryFor, libraryTargets } from '../tiny/library-archive.mjs';
import { licenceTexts } from '../tiny/manifest.mjs';
import { partsOfStatic } from './parts.mjs';
import { product } from './product.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is compiled in; the C library and libgcc come with the program. */
const contains = /** @type {const} */ (['quickjs', 'mbedtls']);

/** The configuration with which the example starts. */
const example = {
  reflector: 'https://remote.example.com/',
  device: { id: 'thermostat-1', domain: 'acme', password: { callback: true } },
  services: [{ port: 80 }],
};

/**
 * @param {string} name one of {@link libraryTargets}
 * @returns {Promise<import('./release.mjs').Released>}
 */
export async function libraryPackage(name) {
  const folder = await libraryFor(name);
  const base = `librm-agent-${product.version}-${name}`;
  /** @param {string} path @param {Buffer | string} content */
  const file = (path, content) => ({ path: `${base}/${path}`, mode: 0o644, content: Buffer.from(content) });
  const installed = ['include/rm_agent.h', 'lib/librm-agent.a', 'lib/pkgconfig/rm-agent.pc'];
  const content = tarGz([
    ...installed.map((path) => file(path, readFileSync(join(folder, path)))),
    file('examples/thermostat.c', readFileSync(join(root, 'examples/c-embedded/src/thermostat.c'))),
    file('examples/thermostat.json', `${JSON.stringify(example, null, 2)}\n`),
    file('README.md', readFileSync(new URL('library/README.md', import.meta.url))),
    file('LICENSES', await licenceTexts(contains)),
  ]);
  const { identity } = await compilerFor(targets[libraryTargets[name]?.target ?? '']?.compiler ?? '');
  const parts = partsOfStatic({
    ...{ name: product.name, version: product.version, target: name, features: [], engine: 'quickjs' },
    ...{ executable: { bytes: 0, squashfsBytes: 0, sha256: '' }, compiler: identity },
    contains: [
      { name: product.name, version: product.version, licence: product.licence },
      ...contains.map((part) => ({ name: part, ...sources[part], patches: [] })),
    ],
  });
  return { file: `${base}.tar.gz`, content, parts };
}
