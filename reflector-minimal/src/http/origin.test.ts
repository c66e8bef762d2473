import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type Looks, looksBehind, plainLook, type Reader } from './look.ts';
import { TrustedProxies } from './origin.ts';

function request(peer: string, headers: Record<string, string> = {}, encrypted = false): IncomingMessage {
  return {
    socket: { remoteAddress: peer, encrypted },
    headers: { host: 'a.example', ...headers },
  } as unknown as IncomingMessage;
}

const forwarded = {
  'x-forwarded-for': '6.6.6.6, 198.51.100.7, 10.1.2.3',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'b.example',
};

describe('who asked', () => {
  test("a stranger's X-Forwarded headers are worth nothing", () => {
    expect(new TrustedProxies([]).originOf(request('::ffff:192.0.2.1', forwarded))).toEqual({
      address: '192.0.2.1',
      protocol: 'http',
      authority: 'a.example',
      forwardedFor: '192.0.2.1',
    });
  });

  test('a trusted proxy is believed, and what a stranger told it before is not', () => {
    const proxies = new TrustedProxies(['192.0.2.1', '10.0.0.0/8']);
    expect(proxies.originOf(request('192.0.2.1', forwarded))).toEqual({
      address: '198.51.100.7',
      protocol: 'https',
      authority: 'b.example',
      forwardedFor: '6.6.6.6, 198.51.100.7, 10.1.2.3, 192.0.2.1',
    });
  });

  test('what a trusted proxy leaves out or garbles is taken from the connection', () => {
    const proxies = new TrustedProxies(['::1/128']);
    const origin = proxies.originOf(
      request('::1', { 'x-forwarded-for': 'unknown', 'x-forwarded-proto': 'gopher' }, true),
    );
    expect(origin).toEqual({
      address: '::1',
      protocol: 'https',
      authority: 'a.example',
      forwardedFor: '::1',
    });
  });

  test.each([
    ['6.6.6.6, unknown', '10.0.0.1'],
    ['6.6.6.6, unknown, 10.1.2.3', '10.0.0.1'],
    ['6.6.6.6, ', '10.0.0.1'],
    ['6.6.6.6, 198.51.100.7:4711', '198.51.100.7'],
    ['6.6.6.6, [2001:db8::1]:4711, 10.1.2.3:80', '2001:db8::1'],
    ['6.6.6.6, [2001:db8::1]', '2001:db8::1'],
  ])('of X-Forwarded-For: %s, it was %s: nothing is taken from left of what cannot be read', (chain, who) => {
    const proxies = new TrustedProxies(['10.0.0.0/8']);
    expect(proxies.originOf(request('10.0.0.1', { 'x-forwarded-for': chain })).address).toBe(who);
  });

  test.each(['nix', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/9', ''])('%j is no network', (entry) => {
    expect(() => new TrustedProxies([entry])).toThrow(RangeError);
  });
});

test.each([
  ['a stranger', '192.0.2.1', false, false],
  ['a trusted proxy', '10.0.0.1', false, true],
  ['a stranger with TLS', '192.0.2.1', true, true],
])(
  'a page for %s that says https looks as for a browser with TLS by the same rule',
  (_, peer, tls, secure) => {
    const readers: Reader[] = [];
    const looks: Looks = {
      of(reader) {
        readers.push(reader);
        return plainLook;
      },
    };
    const asked = request(peer, { 'x-forwarded-proto': 'https' }, tls);
    looksBehind(looks, new TrustedProxies(['10.0.0.0/8']))(asked, null);
    expect(readers).toEqual([{ headers: asked.headers, secure }]);
  },
);
