import { createHash } from 'node:crypto';

/**
 * The fingerprint of a public key of SSH as OpenSSH shows it. `key`: type and base64. `null`: it is no such key, because its bytes do
 * not begin with its type (RFC 4253 section 6.6).
 */
export function fingerprintOf(key: string): string | null {
  const [type = '', base64 = ''] = key.split(' ');
  const bytes = Buffer.from(base64, 'base64');
  const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : -1;
  if (bytes.toString('base64') !== base64 || bytes.toString('latin1', 4, 4 + length) !== type) return null;
  return `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`;
}
