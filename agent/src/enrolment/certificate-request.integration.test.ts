import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { crypto } from '../../node/crypto.ts';
import { certificateRequest, newKey } from './certificate-request.ts';

/** What `openssl req` says of a request. */
function judge(request: string, ...args: string[]): string {
  // An empty line would end it.
  const text = (request.match(/.{1,64}/g) ?? []).join('\n');
  const input = `-----BEGIN CERTIFICATE REQUEST-----\n${text}\n-----END CERTIFICATE REQUEST-----\n`;
  const { stdout, stderr, status } = spawnSync('openssl', ['req', '-noout', ...args], {
    input,
    encoding: 'utf8',
  });
  expect([status, stderr.replace(/.*OK\n/, '')]).toEqual([0, '']);
  return stdout;
}

describe('a request for a certificate', () => {
  it.each(['pump-7', 'x'.repeat(64)])('of %s is what OpenSSL accepts, for the key that was made', (name) => {
    const pem = newKey(crypto);
    const request = certificateRequest(crypto, pem, name);
    expect(judge(request, '-verify', '-subject')).toContain(name);
    const expected = createPublicKey(createPrivateKey(pem)).export({ format: 'pem', type: 'spki' });
    expect(judge(request, '-pubkey')).toBe(expected);
  });

  it('has another key each time', () => {
    expect(newKey(crypto)).not.toBe(newKey(crypto));
  });
});
