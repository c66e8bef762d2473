import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Identity, Session } from '../ports/identity.ts';
import { crossOriginRefusal } from './cross-origin.ts';

const origin = {
  address: '192.0.2.1',
  protocol: 'https',
  authority: 'dev1.example.com',
  forwardedFor: '192.0.2.1',
} as const;
const own = 'https://dev1.example.com';
const sibling = 'https://dev2.example.com';

function identity(kind: 'device' | 'own' | 'token' | null): Identity {
  return { session: kind === null ? null : ({ kind } as Session) } as Identity;
}

type Headers = Readonly<Record<string, string>>;

function taken(kind: Parameters<typeof identity>[0], method: string, headers: Headers): boolean {
  return (
    crossOriginRefusal({ method, headers } as unknown as IncomingMessage, origin, identity(kind)) === null
  );
}

const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
const picture = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
const frame = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };

describe('by a cookie', () => {
  const table: [what: string, method: string, headers: Headers, taken: boolean][] = [
    ['a form of its own', 'POST', { origin: own, 'sec-fetch-site': 'same-origin', ...navigation }, true],
    ['a form without referrer', 'POST', { origin: 'null', 'sec-fetch-site': 'same-origin' }, true],
    ['a form of a sibling', 'POST', { origin: sibling, 'sec-fetch-site': 'same-site', ...navigation }, false],
    [
      'a form of a sibling, after a redirect',
      'POST',
      { origin: 'null', 'sec-fetch-site': 'same-site' },
      false,
    ],
    [
      'a form of a stranger',
      'POST',
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      false,
    ],
    ['the same host without TLS', 'POST', { origin: 'http://dev1.example.com' }, false],
    ['another port of the host', 'POST', { origin: `${own}:8443` }, false],
    ['no proof at all', 'POST', {}, false],
    ['another method without proof', 'DELETE', {}, false],
    ['a method that nobody knows', 'FROB', { 'sec-fetch-site': 'same-site' }, false],
    ['a link', 'GET', { 'sec-fetch-site': 'same-site', ...navigation }, true],
    ['a link from anywhere', 'GET', { 'sec-fetch-site': 'cross-site', ...navigation }, true],
    ['a typed address', 'GET', { 'sec-fetch-site': 'none', ...navigation }, true],
    ['a picture of its own', 'GET', { 'sec-fetch-site': 'same-origin', ...picture }, true],
    ['a picture in a page of a sibling', 'GET', { 'sec-fetch-site': 'same-site', ...picture }, false],
    ['a frame in a page of a sibling', 'GET', { 'sec-fetch-site': 'same-site', ...frame }, false],
    [
      'fetch by a sibling',
      'GET',
      { origin: sibling, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
      false,
    ],
    ['a preflight for a sibling', 'OPTIONS', { origin: sibling, 'sec-fetch-site': 'same-site' }, false],
    ['fetch by a sibling, without Fetch Metadata', 'GET', { origin: sibling }, false],
    ['a sandboxed frame, without Fetch Metadata', 'GET', { origin: 'null' }, false],
    ['a link, without Fetch Metadata', 'GET', {}, true],
    ['HEAD by a sibling', 'HEAD', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }, false],
    ['a WebSocket of its own', 'GET', { upgrade: 'websocket', origin: own }, true],
    ['a WebSocket of a sibling', 'GET', { upgrade: 'websocket', origin: sibling }, false],
    ['a WebSocket from nowhere', 'GET', { upgrade: 'websocket' }, false],
    ['a WebSocket of a sandboxed frame', 'GET', { upgrade: 'websocket', origin: 'null' }, false],
    [
      'any upgrade of a sibling',
      'GET',
      { upgrade: 'x', 'sec-fetch-site': 'same-site', ...navigation },
      false,
    ],
  ];
  test.each(table)('%s: %s %j is taken: %s', (_what, method, headers, expected) => {
    for (const kind of ['device', 'own'] as const) expect(taken(kind, method, headers)).toBe(expected);
  });
});

describe('by a password', () => {
  test('a program, which says nothing of an origin, is taken', () => {
    expect(taken(null, 'POST', {})).toBe(true);
    expect(taken(null, 'GET', { upgrade: 'websocket' })).toBe(true);
    // fetch of Node says this, but no site.
    expect(taken(null, 'POST', { 'sec-fetch-mode': 'cors' })).toBe(true);
  });

  test('a browser that remembers it is treated as one with a cookie', () => {
    expect(taken(null, 'POST', { origin: sibling, 'sec-fetch-site': 'same-site' })).toBe(false);
    expect(taken(null, 'GET', { 'sec-fetch-site': 'same-site', ...picture })).toBe(false);
    expect(taken(null, 'GET', { upgrade: 'websocket', origin: sibling })).toBe(false);
    expect(taken(null, 'POST', { origin: own, 'sec-fetch-site': 'same-origin' })).toBe(true);
  });
});

test('by a token: no browser adds one by itself', () => {
  expect(taken('token', 'POST', { origin: sibling, 'sec-fetch-site': 'same-site' })).toBe(true);
});
