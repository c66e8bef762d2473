import { createHash } from 'node:crypto';
import { type DigestFunction, deviceUser, digestSecret } from 'rm-protocol';
import { hashGeneratedPassword, hashPassword } from '../passwords/scrypt.ts';
import type { DeviceSecrets } from '../ports/store.ts';

/** The realm of every challenge to a device; the stored Digest secrets depend on it. */
export const deviceRealm = 'WebTunnel';

export const digestFunction: DigestFunction = (algorithm, data) =>
  createHash(algorithm === 'md5' ? 'md5' : 'sha256')
    .update(data)
    .digest();

/**
 * What is stored of a device's password. Digest needs H(user:realm:password), which is quicker to guess from than
 * scrypt: it is kept only for devices that were added for it. `id` counts as it is spelled, because the device
 * hashes its own spelling. `made`: `generated` for a password of at least 128 random bits.
 */
export async function deviceSecrets(
  id: string,
  domain: string,
  password: string,
  withDigest: boolean,
  made: 'chosen' | 'generated' = 'chosen',
): Promise<DeviceSecrets> {
  const credentials = { user: deviceUser(id, domain), password };
  const secret = (algorithm: 'sha-256' | 'md5') =>
    withDigest ? digestSecret(digestFunction, algorithm, credentials, deviceRealm) : null;
  return {
    password: await (made === 'generated' ? hashGeneratedPassword(password) : hashPassword(password)),
    digestSha256: secret('sha-256'),
    digestMd5: secret('md5'),
  };
}
