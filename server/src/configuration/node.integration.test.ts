import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from 'rm-reflector/program';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority, type Certificate } from '../../../test/certificates/authority.ts';
import { readOwnConfiguration } from './configuration.ts';
import { nodeSettings } from './node.ts';

const file = '/etc/rm-server.json';

let authority: Authority;
let one: Certificate;
let other: Certificate;
let text: string;
beforeAll(() => {
  authority = new Authority();
  const extensions = ['extendedKeyUsage=serverAuth,clientAuth'];
  one = authority.issue({ names: 'DNS:one', extensions });
  other = authority.issue({ names: 'DNS:*.example.com' });
  text = join(authority.directory, 'text');
  writeFileSync(text, 'nothing\n');
});
afterAll(() => authority.remove());

const tls = () => ({ cert: one.certFile, key: one.keyFile, ca: authority.file });
const whole = () => ({ name: 'one', listen: '127.0.0.1:7443', tls: tls() });
function read(node: unknown, isShared = true) {
  return nodeSettings(readOwnConfiguration({ node }, file).node, {
    file,
    isShared,
    data: '/var/lib/rm-server/server.sqlite',
  });
}

test('a server without the key is alone', () => {
  expect(read(undefined)).toBe(null);
  expect(read(undefined, false)).toBe(null);
});

test('the others reach it where it listens, unless another address is given', () => {
  const listen = { host: '127.0.0.1', port: 7443 };
  expect(read(whole())).toEqual({ name: 'one', listen, address: '127.0.0.1:7443', tls: tls() });
  expect(read({ ...whole(), listen: '[::]:7443', address: 'one.example.com:443' })).toMatchObject({
    listen: { host: '::', port: 7443 },
    address: 'one.example.com:443',
  });
});

test.each<[string, () => unknown, string]>([
  [
    'no database',
    () => read(whole(), false),
    'node: needs a database that the servers share: set store.url (PostgreSQL)',
  ],
  ['no name', () => read({ ...whole(), name: undefined }), 'node.name: is missing'],
  [
    'a name that is none',
    () => read({ ...whole(), name: 'One.example' }),
    'node.name: must match pattern "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" (Name of this server among the others: small letters, digits and hyphens, at most 63)',
  ],
  ['a key that is spelled wrong', () => read({ ...whole(), adress: 'x:1' }), 'node.adress: is unknown'],
  [
    'a port that is none',
    () => read({ ...whole(), listen: 'x:70000' }),
    'node.listen: the port must be at most 65535',
  ],
  ['port 0', () => read({ ...whole(), listen: 'x:0' }), 'node.address: the port must be 1 to 65535'],
  [
    'an address that is every address',
    () => read({ ...whole(), listen: '0.0.0.0:7443' }),
    'node.address: is needed, because others cannot reach 0.0.0.0: name the host by which they reach this server',
  ],
  ['no files', () => read({ ...whole(), tls: undefined }), 'node.tls: is missing'],
  [
    'no certificate file',
    () => read({ ...whole(), tls: { ...tls(), cert: '/none' } }),
    'node.tls.cert: /none: no such file or directory',
  ],
  [
    'a certificate of another',
    () => read({ ...whole(), tls: { ...tls(), cert: other.certFile } }),
    'does not name this node: its subjectAltName must have DNS:one',
  ],
  [
    'a certificate for servers only',
    () => {
      const { certFile: cert, keyFile: key } = authority.issue({
        names: 'DNS:one',
        extensions: ['extendedKeyUsage=serverAuth'],
      });
      return read({ ...whole(), tls: { ...tls(), cert, key } });
    },
    'is not for both ends: its extendedKeyUsage must have serverAuth and clientAuth, or be absent',
  ],
  [
    'the key of another',
    () => read({ ...whole(), tls: { ...tls(), key: other.keyFile } }),
    'is not the key of the certificate',
  ],
  [
    'no key',
    () => read({ ...whole(), tls: { ...tls(), key: text } }),
    'has no private key in PEM without a password',
  ],
  ['no authorities', () => read({ ...whole(), tls: { ...tls(), ca: text } }), 'has no certificate in PEM'],
])('%s is told in one line that names the place', (_what, call, message) => {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConfigurationError);
  const told = (thrown as Error).message;
  expect([told.startsWith(`${file}: node`), told.endsWith(message)], told).toEqual([true, true]);
  expect(told).not.toMatch(/\n/);
});
