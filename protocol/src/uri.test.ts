import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpUri, hostHeader, parseHttpUri, resolveLocation } from './uri.ts';

describe('parseHttpUri', () => {
  it.each([
    ['http://a', { secure: false, host: 'a', port: 80, target: '/' }],
    ['HTTPS://A.Example/', { secure: true, host: 'a.example', port: 443, target: '/' }],
    ['https://a:8443/x/y?z=1#f', { secure: true, host: 'a', port: 8443, target: '/x/y?z=1' }],
    ['http://a?q', { secure: false, host: 'a', port: 80, target: '/?q' }],
    ['http://127.0.0.1:1/', { secure: false, host: '127.0.0.1', port: 1, target: '/' }],
    ['https://[::1]:65535', { secure: true, host: '::1', port: 65535, target: '/' }],
    ['http://[FE80::1]/', { secure: false, host: 'fe80::1', port: 80, target: '/' }],
    ['http://a#f', { secure: false, host: 'a', port: 80, target: '/' }],
  ])('%s', (text, uri) => {
    expect(parseHttpUri(text)).toEqual(uri);
  });

  it.each([
    '',
    'a',
    '/a',
    'ftp://a/',
    'http:/a',
    'http://',
    'http:///x',
    'http://a:0/',
    'http://a:65536/',
    'http://a:b/',
    'http://u:p@a/',
    'http://a b/',
    'http://a/ b',
    'http://::1/',
    'http://[::1/',
    'http://[x]/',
    ' http://a',
    'http://a\r\n/',
  ])('refuses %j', (text) => {
    expect(parseHttpUri(text)).toBeNull();
  });

  it('reads what formatHttpUri writes', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.constantFrom('a', 'a.b-c.example', '10.0.0.1', '::1', 'fe80::1:2'),
        fc.integer({ min: 1, max: 65_535 }),
        fc.constantFrom('/', '/x', '/?q=1', '/a/b?c#'.slice(0, 6)),
        (secure, host, port, target) => {
          const uri = { secure, host, port, target };
          expect(parseHttpUri(formatHttpUri(uri))).toEqual(uri);
        },
      ),
    );
  });
});

describe('hostHeader', () => {
  it.each([
    ['http://a:80/', 'a'],
    ['http://a:443/', 'a:443'],
    ['https://a:443/', 'a'],
    ['https://[::1]/', '[::1]'],
    ['https://[::1]:8443/', '[::1]:8443'],
  ])('%s', (uri, header) => {
    const parsed = parseHttpUri(uri);
    expect(parsed && hostHeader(parsed)).toBe(header);
  });
});

describe('resolveLocation', () => {
  const from = { secure: true, host: 'a', port: 8443, target: '/x?y' };

  it.each([
    ['https://b/z', 'https://b/z'],
    ['http://b', 'http://b/'],
    ['//b:1/z', 'https://b:1/z'],
    ['/z?q', 'https://a:8443/z?q'],
    ['z', null],
    ['', null],
    ['ftp://b/', null],
    ['javascript:alert(1)', null],
    ['///z', null],
  ])('%j', (location, expected) => {
    const uri = resolveLocation(from, location);
    expect(uri && formatHttpUri(uri)).toBe(expected);
  });
});
