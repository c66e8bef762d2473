import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cookieNames } from '../sessions/cookies.ts';
import {
  cookieFromDevice,
  cookiesForDevice,
  siteDataToClear,
  withinItsHost,
  withoutOurCookies,
} from './device-cookies.ts';

describe('Cookie lines for a device', () => {
  test.each([
    ['a=1; b=2', 'a=1; b=2'],
    ['a=1;b=2 ; ;c', 'a=1;b=2 ; ;c'],
    ['rm-session=s', null],
    ['a=1; rm-session=s; b=2', 'a=1; b=2'],
    ['__Host-rm-session=s; a=1', 'a=1'],
    ['a=1;__Host-rm-device-session=s', 'a=1'],
    ['rm-device-session=s; rm-device-session=t; a=1', 'a=1'],
    // A quote opened by a cookie of the device's page hides nothing.
    ['a="x; rm-session=s; b=y"', 'a="x; b=y"'],
    ['rm-session="s; t"', 't"'],
    [' \t rm-session \t= s', null],
    ['RM-Session=s; __host-rm-session=t; a=1', 'a=1'],
    ['=rm-session=s; a=1', 'a=1'],
    ['a=1, rm-session=s; b=2', 'b=2'],
    // In UTF-8 the last byte may be A0.
    ['rm-session=s; a=\xc3\xa0', 'a=\xc3\xa0'],
    // Only by its exact name.
    ['rm-sessions=1; xrm-session=2; rm_session=3', 'rm-sessions=1; xrm-session=2; rm_session=3'],
    ['a=rm-session=s', 'a=rm-session=s'],
    ['', ''],
  ])('%j becomes %j', (line, expected) => {
    expect(cookiesForDevice(line)).toBe(expected);
  });
});

describe('Set-Cookie lines of a device', () => {
  test.each([
    ['a=1', 'a=1'],
    ['a=1; Path=/x; HttpOnly; SameSite=None; Secure', 'a=1; Path=/x; HttpOnly; SameSite=None; Secure'],
    ['a=1; Domain=example.com; Path=/', 'a=1; Path=/'],
    ['a=1;domain=.example.com;DOMAIN = b.example.com', 'a=1'],
    ['a=1; Domain', 'a=1'],
    ['a=1;\tDomain\t=x; Secure', 'a=1; Secure'],
    ['a="x; Domain=example.com"', 'a="x'],
    ['Domain=1; Path=/', 'Domain=1; Path=/'],
    ['rm-session=evil', null],
    ['__Host-rm-session=evil; Secure; Path=/', null],
    ['__HOST-RM-DEVICE-SESSION=evil; Secure; Path=/', null],
    [' rm-session =evil', null],
    ['=rm-session=evil', null],
    ['==rm-session=evil', null],
    ['rm-session', null],
    ['__Host-mine=1; Path=/; Secure', '__Host-mine=1; Path=/; Secure'],
  ])('%j becomes %j', (line, expected) => {
    expect(cookieFromDevice(line)).toBe(expected);
  });
});

test('on a shared host a cookie of a device has the path /', () => {
  expect(cookieFromDevice('a=1; path=/x; Domain=y; HttpOnly; Path', true)).toBe('a=1; HttpOnly; Path=/');
  expect(withinItsHost(['Set-Cookie', 'a=1'], true)).toEqual(['Set-Cookie', 'a=1; Path=/']);
});

test.each([
  ['"cache", "cookies", "storage"', '"cache", "storage"'],
  ['"*"', '"cache", "storage"'],
  ['"cookies"', null],
  ['"COOKIES"', null],
  ['"executionContexts"', '"executionContexts"'],
])('Clear-Site-Data %s becomes %s', (value, expected) => {
  expect(siteDataToClear(value)).toBe(expected);
});

test('all lines are looked at, whatever their spelling; nothing else is touched', () => {
  expect(
    withoutOurCookies(['COOKIE', 'rm-session=s', 'cookie', 'a=1; rm-session=t', 'X', 'rm-session=u']),
  ).toEqual(['cookie', 'a=1', 'X', 'rm-session=u']);
  expect(
    withinItsHost(
      [
        'set-COOKIE',
        'a=1; Domain=x',
        'Set-Cookie',
        'rm-session=1',
        'Clear-Site-Data',
        '"*"',
        'Location',
        '/',
      ],
      false,
    ),
  ).toEqual(['set-COOKIE', 'a=1', 'Clear-Site-Data', '"cache", "storage"', 'Location', '/']);
});

describe('whatever stands around them', () => {
  const secret = 'S'.repeat(43);
  const ours = fc
    .tuple(
      fc.constantFrom(...cookieNames),
      fc.constantFrom('', ' ', '\t', '  '),
      fc.constantFrom('', ' ', '\t'),
      fc.constantFrom(secret, `"${secret}"`, ` ${secret}`),
    )
    .map(([name, before, after, value]) => `${before}${name}${after}=${value}`);
  // Anything a browser or program can put between two semicolons, quotes and commas above all.
  const other = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '"', ',', '=', ' ', '\\', '_'), maxLength: 8 }),
    fc.string({ maxLength: 12 }).map((text) => text.replaceAll(';', '')),
  );

  test('our cookies do not pass, and no other is lost but with them', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(ours, other), { maxLength: 8 }), (parts) => {
        const passed = cookiesForDevice(parts.join(';'));
        expect(passed ?? '').not.toContain(secret);
        const names = parts.filter((part) => /^[a-z]+=/.test(part) && !part.includes(','));
        for (const part of names)
          expect((passed ?? '').split(';').map((kept) => kept.trim())).toContain(part.trim());
      }),
    );
  });

  test('no device sets one of ours, or one for others', () => {
    const domain = fc.constantFrom('Domain=x', ' domain = .x', '\tDOMAIN', ' Domain="x"');
    fc.assert(
      fc.property(
        fc.oneof(ours, other),
        fc.array(fc.oneof(domain, other), { maxLength: 6 }),
        (pair, rest) => {
          const line = cookieFromDevice([pair, ...rest].join(';'));
          if (pair.includes(secret)) expect(line).toBeNull();
          for (const attribute of (line ?? '').split(';').slice(1)) {
            expect(attribute.trim()).not.toMatch(/^domain\s*(=|$)/i);
          }
        },
      ),
    );
  });
});
