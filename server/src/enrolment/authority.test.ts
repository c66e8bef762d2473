import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { expect, test } from 'vitest';
import { Authority } from './authority.ts';

const now = Date.UTC(2026, 0, 1, 12);
const day = 86_400_000;

/** Settings in memory. */
function settings() {
  const kept = new Map<string, Buffer>();
  return {
    getOrAdd: async (name: string, value: Buffer) => {
      if (!kept.has(name)) kept.set(name, value);
      return kept.get(name) ?? value;
    },
  };
}

async function request(namedCurve: string): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve, hash: 'SHA-256' };
  const keys = await globalThis.crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ['root'] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return Buffer.from(made.rawData).toString('base64');
}

test('signs certificates of devices, whatever else is asked for', async () => {
  const store = settings();
  const authority = await Authority.open(store, now);
  const pem = await authority.issue(await request('P-256'), 'pump-7', now, now + day);
  const certificate = new X509Certificate(pem ?? '');
  const own = new X509Certificate(authority.pem);
  expect(certificate.subject).toBe('CN=pump-7');
  expect([Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]).toEqual([now, now + day]);
  expect([certificate.checkIssued(own), certificate.verify(own.publicKey), certificate.ca]).toEqual([
    true,
    true,
    false,
  ]);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect([own.ca, own.checkIssued(own)]).toEqual([true, true]);
});

test('is the same when the server starts again', async () => {
  const store = settings();
  const { pem } = await Authority.open(store, now);
  const again = await Authority.open(store, now + day);
  expect(again.pem).toBe(pem);
  const certificate = new X509Certificate(
    (await again.issue(await request('P-256'), 'a', now, now + day)) ?? '',
  );
  expect(certificate.verify(new X509Certificate(pem).publicKey)).toBe(true);
});

test('signs nothing for other keys, requests that were changed, and what is none', async () => {
  const authority = await Authority.open(settings(), now);
  const good = Buffer.from(await request('P-256'), 'base64');
  const changed = Buffer.from(good);
  changed[good.length - 1] = (changed[good.length - 1] ?? 0) ^ 1;
  for (const text of [await request('P-384'), changed.toString('base64'), 'AAAA', '']) {
    expect(await authority.issue(text, 'a', now, now + day)).toBeNull();
  }
});
