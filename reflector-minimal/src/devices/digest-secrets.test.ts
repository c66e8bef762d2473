import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { deviceSecrets, digestFunction } from './digest-secrets.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');

test('Digest secrets are kept only of devices that were added for it, in the spelling of the device', async () => {
  const text = 'Dev1@acme:WebTunnel:rosebud';
  expect(await deviceSecrets('Dev1', 'acme', 'rosebud', true, 'generated')).toMatchObject({
    digestSha256: hash('sha256', text),
    digestMd5: hash('md5', text),
  });
  expect(await deviceSecrets('Dev1', 'acme', 'rosebud', false, 'generated')).toMatchObject({
    digestSha256: null,
    digestMd5: null,
  });
});

test('only a generated password has a cheap hash', async () => {
  const costOf = async (made?: 'generated') => {
    const { password } = await deviceSecrets('dev1', 'acme', 'rosebud', false, made);
    return Number(/^scrypt:ln=(\d+),/.exec(password)?.[1]);
  };
  expect(await costOf('generated')).toBeLessThan(8);
  expect(await costOf()).toBeGreaterThan(12);
});

test('a hash is that of the algorithm which the device has chosen', () => {
  const data = Buffer.from('x');
  expect(Buffer.from(digestFunction('md5', data)).toString('hex')).toBe(hash('md5', 'x'));
  expect(Buffer.from(digestFunction('sha-256', data)).toString('hex')).toBe(hash('sha256', 'x'));
});
