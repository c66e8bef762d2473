import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority } from '../../../test/certificates/authority.ts';
import { ClientAuthorities } from './client-authorities.ts';

let [first, second]: Authority[] = [];
beforeAll(() => {
  [first, second] = [new Authority(), new Authority()];
});
afterAll(() => {
  first?.remove();
  second?.remove();
});

function pem(...authorities: (Authority | undefined)[]): Buffer {
  return Buffer.from(authorities.map((authority) => authority?.caPem()).join('\n'));
}

/** A connection on which this certificate was accepted. */
function connection(issuer: Authority | undefined): TLSSocket {
  const certificate = new X509Certificate(issuer?.issue().cert ?? '');
  return { getPeerX509Certificate: () => certificate } as unknown as TLSSocket;
}

test('what an authority has signed stays as long as it is trusted, whatever others come and go', () => {
  const authorities = new ClientAuthorities();
  expect(authorities.set(pem(first))).toBe(true);
  expect(authorities.set(pem(first))).toBe(false);
  const socket = connection(first);
  authorities.connected(socket);
  expect(authorities.trust(socket)).toBe(true);
  expect(authorities.set(pem(second, first))).toBe(true);
  expect(authorities.trust(socket)).toBe(true);
  authorities.set(pem(second));
  expect(authorities.trust(socket)).toBe(false);
  authorities.set(null);
  expect(authorities.trust(socket)).toBe(false);
});

test('who has shown a chain has to show it again after a change', () => {
  const authorities = new ClientAuthorities();
  authorities.set(pem(first));
  const socket = connection(first?.intermediate());
  authorities.connected(socket);
  expect(authorities.trust(socket)).toBe(true);
  authorities.set(pem(first, second));
  expect(authorities.trust(socket)).toBe(false);
});
