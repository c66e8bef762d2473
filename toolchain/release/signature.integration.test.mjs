import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { signature, sums } from './signature.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rm-signature-'));
afterAll(() => rmSync(folder, { recursive: true }));
const key = join(folder, 'key.pem');
const openssl = (/** @type {string[]} */ ...args) =>
  execFileSync('openssl', args, { cwd: folder, encoding: 'utf8' });

describe('a signed release', () => {
  it('is verified by openssl and sha256sum, and is signed the same each time', () => {
    openssl('genpkey', '-algorithm', 'ed25519', '-out', 'key.pem');
    openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'release.pub');
    const list = sums(
      new Map([
        ['b', Buffer.from('2')],
        ['a', Buffer.from('1')],
      ]),
    );
    writeFileSync(join(folder, 'a'), '1');
    writeFileSync(join(folder, 'b'), '2');
    writeFileSync(join(folder, 'SHA256SUMS'), list);
    writeFileSync(join(folder, 'SHA256SUMS.sig'), signature(list, key));
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: folder });
    const files = ['-rawin', '-in', 'SHA256SUMS', '-sigfile', 'SHA256SUMS.sig'];
    const told = openssl('pkeyutl', '-verify', '-pubin', '-inkey', 'release.pub', ...files);
    expect(told).toContain('Signature Verified Successfully');
    expect(signature(list, key)).toEqual(signature(list, key));
  });

  it('takes no other kind of key, and none of the source tree', () => {
    openssl('genpkey', '-algorithm', 'ed448', '-out', 'other.pem');
    expect(() => signature('x', join(folder, 'other.pem'))).toThrow('needed is one for ed25519');
    const here = fileURLToPath(new URL('../../package.json', import.meta.url));
    expect(() => signature('x', here)).toThrow('is in the source tree');
  });
});
