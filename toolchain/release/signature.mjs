// Sums and signature, by which anybody can tell whether a file is the released one.
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BuildError } from '../subprocess.mjs';

const root = realpathSync(fileURLToPath(new URL('../..', import.meta.url)));

/**
 * In the format of sha256sum(1), sorted by name.
 * @param {ReadonlyMap<string, Buffer>} files
 */
export function sums(files) {
  return [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`)
    .join('');
}

/**
 * The Ed25519 signature (RFC 8032) of a file, 64 bytes, as `openssl pkeyutl -rawin` makes and verifies it.
 * @param {string} content
 * @param {string} keyFile an Ed25519 key in PEM, without a passphrase
 * @throws {BuildError} for another kind of key, or one that lies in the source tree
 */
export function signature(content, keyFile) {
  const path = realpathSync(keyFile);
  if (path.startsWith(`${root}/`))
    throw new BuildError(`${keyFile} is in the source tree: keep the key elsewhere`);
  const key = createPrivateKey(readFileSync(path));
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new BuildError(`${keyFile} has a key for ${key.asymmetricKeyType}; needed is one for ed25519`);
  }
  return sign(null, Buffer.from(content), key);
}
