import { parseHttpUri } from 'rm-protocol';
import { describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { chooseProxy } from './proxy.ts';

const uri = (text: string) => parseHttpUri(text) ?? expect.unreachable(text);
const https = uri('https://remote.example.com/');
const http = uri('http://remote.example.com:8080/');
const proxy = 'http://proxy:3128';

describe('the proxy', () => {
  test('is none unless it is named', () => {
    expect(chooseProxy(https, undefined, {})).toBeNull();
    expect(chooseProxy(https, undefined, { https_proxy: '' })).toBeNull();
    expect(chooseProxy(https, 'none', { https_proxy: proxy })).toBeNull();
  });

  test('is that of the option before that of the variable, by the scheme of the reflector', () => {
    const environment = { https_proxy: 'http://secure:1', http_proxy: 'http://plain:2' };
    expect(chooseProxy(https, proxy, environment)?.uri).toMatchObject({ host: 'proxy', port: 3128 });
    expect(chooseProxy(https, undefined, environment)?.uri.host).toBe('secure');
    expect(chooseProxy(http, undefined, environment)?.uri.host).toBe('plain');
    expect(chooseProxy(https, undefined, { HTTPS_PROXY: proxy })?.uri.host).toBe('proxy');
    // A web server sets HTTP_PROXY from a header of the request ("httpoxy").
    expect(chooseProxy(http, undefined, { HTTP_PROXY: proxy })).toBeNull();
  });

  test.each([
    ['proxy:3128', 'http', 3128],
    ['http://[::1]:8080/', 'http', 8080],
    ['https://proxy', 'https', 443],
  ])('may be written as %s', (text, scheme, port) => {
    expect(chooseProxy(https, text, {})?.uri).toMatchObject({ secure: scheme === 'https', port });
  });

  test('takes percent-encoded credentials from the variable only', () => {
    const text = 'http://me:p%40ss%3a@proxy:3128';
    expect(chooseProxy(https, undefined, { https_proxy: text })?.authorization).toBe(
      `Basic ${Buffer.from('me:p@ss:').toString('base64')}`,
    );
    expect(() => chooseProxy(https, text, {})).toThrow(/does not belong on the command line/);
    expect(() => chooseProxy(https, undefined, { https_proxy: 'http://me:%zz@proxy' })).toThrow(
      /percent-encoded/,
    );
  });

  test.each([
    'socks5://me:secret@proxy',
    'http://me:secret@',
    'http://me:secret@proxy:99999',
    'http://proxy/path',
    'a b',
  ])('%s is none, and what may be a password is not repeated', (text) => {
    const attempt = () => chooseProxy(https, undefined, { https_proxy: text });
    expect(attempt).toThrow(Failure);
    expect(attempt).toThrow(/^https_proxy: must be http:\/\/HOST:PORT of a proxy$/);
  });

  test.each([
    ['example.com', true],
    ['.example.com', true],
    ['*.example.com', true],
    ['REMOTE.example.com', true],
    ['other.org, example.com', true],
    ['remote.example.com:8080', true],
    ['remote.example.com:443', false],
    ['ample.com', false],
    ['*', true],
    [', ,', false],
    ['', false],
  ])('no_proxy=%s exempts http://remote.example.com:8080: %s', (list, exempt) => {
    expect(chooseProxy(http, undefined, { http_proxy: proxy, no_proxy: list }) === null).toBe(exempt);
    expect(chooseProxy(http, proxy, { no_proxy: list })).not.toBeNull();
  });

  test('no_proxy takes addresses', () => {
    const exempt = (target: string, list: string) =>
      chooseProxy(uri(target), undefined, { http_proxy: proxy, NO_PROXY: list }) === null;
    expect(exempt('http://127.0.0.1/', '127.0.0.1')).toBe(true);
    expect(exempt('http://[::1]:81/', '::1')).toBe(true);
    expect(exempt('http://[::1]:81/', '[::1]:81')).toBe(true);
    expect(exempt('http://[::1]:82/', '[::1]:81')).toBe(false);
  });
});
