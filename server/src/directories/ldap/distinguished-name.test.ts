import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalDn } from './distinguished-name.ts';
import { escapeDn } from './escape.ts';

test.each([
  ['CN=Ops,OU=Groups,DC=example,DC=com', 'cn=ops, ou=groups ,dc = example,dc=com'],
  ['cn=Smith\\, J.,dc=com', 'CN=smith\\2c  j.,DC=COM'],
  ['cn=Zo\\c3\\ab', 'cn=ZOË'],
  ['cn=a+sn=b,dc=c', 'CN=A + SN=B;dc=c'],
])('%s is %s', (one, other) => {
  expect(normalDn(one)).toBe(normalDn(other));
});

test.each([
  ['cn=a\\,dc=b', 'cn=a,dc=b'],
  ['cn=a\\2cdc=b', 'cn=a,dc=b'],
  ['cn=a\\+sn=b', 'cn=a+sn=b'],
  ['cn=a\\5c', 'cn=a'],
])('%s is not %s', (one, other) => {
  expect(normalDn(one)).not.toBe(normalDn(other));
});

test('whatever the value, another one is of another entry', () => {
  const plain = (text: string) => text.trim().replaceAll(/\s+/g, ' ').toLowerCase();
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
      const [name, second] = [one, other].map((text) => normalDn(`cn=${escapeDn(text)},dc=example`));
      expect(name === second).toBe(plain(one) === plain(other));
      expect(name).not.toBe(normalDn(`cn=${escapeDn(`${one},dc=example`)}`));
    }),
  );
});
