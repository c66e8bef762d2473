import { describe, expect, it } from 'vitest';
import { describeProxy, parseProxy } from './proxy-server.ts';

describe('a proxy', () => {
  it.each([
    ['http://proxy:3128', { scheme: 'http', host: 'proxy', port: 3128, credentials: null }],
    ['http://proxy', { scheme: 'http', host: 'proxy', port: 80, credentials: null }],
    ['https://proxy/', { scheme: 'https', host: 'proxy', port: 443, credentials: null }],
    ['socks5://proxy', { scheme: 'socks5', host: 'proxy', port: 1080, credentials: null }],
    ['SOCKS5H://Proxy:80', { scheme: 'socks5h', host: 'proxy', port: 80, credentials: null }],
    ['http://[2001:db8::1]:8080', { scheme: 'http', host: '2001:db8::1', port: 8080, credentials: null }],
    ['socks5://[2001:db8::1]', { scheme: 'socks5', host: '2001:db8::1', port: 1080, credentials: null }],
    [
      'http://u:p@proxy',
      { scheme: 'http', host: 'proxy', port: 80, credentials: { user: 'u', password: 'p' } },
    ],
    ['http://u@proxy', { scheme: 'http', host: 'proxy', port: 80, credentials: { user: 'u', password: '' } }],
  ])('is read from %s', (text, proxy) => {
    expect(parseProxy(text)).toEqual(proxy);
  });

  it.each([
    ['u%40x:p%3Aq%2F', { user: 'u@x', password: 'p:q/' }],
    ['u:p:q', { user: 'u', password: 'p:q' }],
    ['u:100%', { user: 'u', password: '100%' }],
    [':p', { user: '', password: 'p' }],
  ])('has the credentials of %s', (login, credentials) => {
    expect(parseProxy(`http://${login}@proxy`)?.credentials).toEqual(credentials);
  });

  it.each([
    '',
    'proxy',
    'proxy:3128',
    'ftp://proxy',
    'socks4://proxy',
    'http://',
    'http://p:0',
    'http://p:65536',
    'http://p/x',
    'http://a@b@c',
    'http://u:a%0d%0ab@p',
    'http://%00@p',
  ])('is not read from "%s"', (text) => {
    expect(parseProxy(text)).toBeNull();
  });

  it('is described without its secrets', () => {
    const proxy = parseProxy('https://user:secret@[2001:db8::1]');
    expect(proxy && describeProxy(proxy)).toBe('https://[2001:db8::1]:443');
  });
});
