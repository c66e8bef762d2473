import { expect, test } from 'vitest';
import { brandCookieFor, domainOfCookie } from './brand-cookie.ts';

test('with TLS, no page of a device chooses the brand', () => {
  expect(brandCookieFor('harbour', true)).toBe(
    '__Host-rm-brand=harbour; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure',
  );
  expect(domainOfCookie('rm-brand=evil; __Host-rm-brand=harbour', true)).toBe('harbour');
  expect(domainOfCookie('rm-brand=evil', true)).toBe(null);
  expect(domainOfCookie('a=b; rm-brand=harbour', false)).toBe('harbour');
  expect(domainOfCookie('__Host-rm-brand=a/b', true)).toBe(null);
  expect(domainOfCookie(undefined, true)).toBe(null);
});
