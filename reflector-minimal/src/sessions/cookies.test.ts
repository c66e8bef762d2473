import { expect, test } from 'vitest';
import { clearCookie, cookieNames, cookiePairs, secretsOf, setCookie } from './cookies.ts';

test('over TLS a cookie is of this host alone', () => {
  expect(setCookie('own', 'abc', true)).toBe('__Host-rm-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure');
  expect(setCookie('device', 'abc', false)).toBe('rm-device-session=abc; Path=/; HttpOnly; SameSite=Lax');
  expect(clearCookie('own', true)).toBe(
    '__Host-rm-session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure',
  );
  expect(setCookie('known', 'abc', true)).toContain('=abc; Max-Age=31536000; Path=/;');
  expect([...cookieNames].sort()).toEqual([
    '__Host-rm-device-nonce',
    '__Host-rm-device-record',
    '__Host-rm-device-session',
    '__Host-rm-known',
    '__Host-rm-session',
    'rm-device-nonce',
    'rm-device-record',
    'rm-device-session',
    'rm-known',
    'rm-session',
  ]);
});

test('secrets come from every Cookie line, under the name of the kind and the scheme, and only so many', () => {
  const headers = [
    'cookie',
    ' a=b;rm-session=one ; rm-session = two;; =x',
    'Host',
    'rm-session=no',
    'Cookie',
    'rm-session=three; rm-session=four; rm-session=five; __Host-rm-session=safe; rm-sessio=n; rm-session',
  ];
  expect(secretsOf(headers, 'own', false)).toEqual(['one', 'two', 'three', 'four']);
  expect(secretsOf(headers, 'own', true)).toEqual(['safe']);
  expect(secretsOf(headers, 'device', false)).toEqual([]);
  expect(cookiePairs(['Cookie', ';; a=1 ;; =2;', 'Cookie', ''])).toEqual([
    { name: 'a', value: '1', text: 'a=1' },
    { name: '', value: '2', text: '=2' },
  ]);
  expect(cookiePairs(['Cookie', 'a=b=c; flag'])).toEqual([
    { name: 'a', value: 'b=c', text: 'a=b=c' },
    { name: '', value: 'flag', text: 'flag' },
  ]);
});
