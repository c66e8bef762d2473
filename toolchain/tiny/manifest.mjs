// What is inside an executable: versions, sizes, hashes and licences.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../cache.mjs';
import { patchFolder, unpackedSource } from '../fetch-source.mjs';
import { sources } from '../sources.mjs';
import { run } from '../subprocess.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The size of a file in a squashfs image with xz and blocks of 256 KiB, OpenWrt's default.
 * @param {string} file
 */
export async function squashfsBytes(file) {
  const listing = `set -o pipefail; xz --stdout --format=xz --check=crc32 --block-size=262144 --lzma2=preset=9,dict=256KiB "$1" | wc -c`;
  return Number(await run('bash', ['-c', listing, 'xz', file]));
}

/** A change that we make to a source. @param {string} name */
function patchOf(name) {
  return { name, sha256: sha256(readFileSync(join(patchFolder, name))) };
}

/**
 * @param {object} options
 * @param {string} options.target
 * @param {string} options.file the executable
 * @param {string} options.version
 * @param {string} options.engine
 * @param {readonly string[]} options.features
 * @param {string} options.compiler
 * @param {readonly (keyof typeof sources)[]} options.contains
 * @param {boolean} options.libgcc
 */
export async function manifestOf({ target, file, version, engine, features, compiler, contains, libgcc }) {
  const bytes = readFileSync(file);
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const parts = contains.map((name) => {
    const { version, licence, sha256, patches } = sources[name];
    return { name, version, licence, sha256, ...(patches && { patches: patches.map(patchOf) }) };
  });
  return {
    name: 'rm-agent',
    version,
    target,
    features,
    engine,
    executable: {
      bytes: bytes.length,
      squashfsBytes: await squashfsBytes(file),
      sha256: sha256(bytes),
    },
    compiler,
    contains: [
      { name: 'rm-agent', version, licence: own.license },
      ...parts,
      ...(libgcc
        ? [{ name: 'libgcc', version: compiler, licence: 'GPL-3.0-or-later WITH GCC-exception-3.1' }]
        : []),
    ],
  };
}

/**
 * The texts of the licences that ask to be passed on with the executable.
 * @param {readonly (keyof typeof sources)[]} contains
 */
export async function licenceTexts(contains) {
  const texts = [`rm-agent\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}`];
  for (const name of contains) {
    const { version, licence, licenceFile, notices = [] } = sources[name];
    const folder = await unpackedSource(name);
    texts.push(`${name} ${version} (${licence})\n\n${readFileSync(join(folder, licenceFile), 'utf8')}`);
    for (const file of notices) {
      const [comment = ''] = /^\/\*.*?\*\//s.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
      texts.push(`${name} ${version}, ${file}\n\n${comment}`);
    }
  }
  return texts.map((text) => `${text.trimEnd()}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}
