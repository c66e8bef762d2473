import { expect, test } from 'vitest';
import { destinationOf, hostOf, portSuffix } from './host-names.ts';

test.each([
  ['dev1.localhost:8080', 'localhost', 'dev1'],
  ['DEV1.LocalHost', 'localhost', 'dev1'],
  ['dev1.remote.example.com.', 'remote.example.com', 'dev1'],
])('%s under %s is device %s', (authority, domain, label) => {
  expect(destinationOf(authority, { domain, cookieHost: null })).toEqual({ kind: 'device', label });
});

test.each(['remote.example.com', 'localhost:1', '127.0.0.1:8080', '[::1]:8080', '192.0.2.1'])(
  '%s is the reflector itself',
  (authority) => {
    expect(destinationOf(authority, { domain: 'remote.example.com', cookieHost: null }).kind).toBe(
      'reflector',
    );
  },
);

test.each([
  '',
  'evil.example.com',
  'a.b.remote.example.com',
  'remote.example.com.evil.org',
  'x[::1]',
  'a:b:c',
  'evilremote.example.com',
])('%j is unknown', (authority) => {
  expect(destinationOf(authority, { domain: 'remote.example.com', cookieHost: null }).kind).toBe('unknown');
});

test('parts of an authority', () => {
  expect([hostOf('[2001:DB8::1]:443'), portSuffix('[2001:DB8::1]:443')]).toEqual(['2001:db8::1', ':443']);
  expect([hostOf('a.example'), portSuffix('a.example')]).toEqual(['a.example', '']);
});

test.each(['reflector', 'WWW'])('%s.DOMAIN is the reflector too', (label) => {
  const names = { domain: 'remote.example.com', cookieHost: null };
  expect(destinationOf(`${label}.remote.example.com:443`, names)).toEqual({ kind: 'reflector' });
  expect(destinationOf(`${label}-80.remote.example.com`, names).kind).toBe('device');
  expect(destinationOf(`x.${label}.remote.example.com`, names).kind).toBe('unknown');
});

test('the host that devices share comes first', () => {
  for (const cookieHost of ['view.remote.example.com', 'view.example.com', '127.0.0.1']) {
    const names = { domain: 'remote.example.com', cookieHost };
    expect(destinationOf(`${cookieHost.toUpperCase()}:8080`, names)).toEqual({ kind: 'shared' });
  }
});
