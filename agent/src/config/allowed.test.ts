import { describe, expect, it } from 'vitest';
import { accepted, errors, loadWith, minimal, warnings } from '../../simulation/loading.ts';

describe('what is allowed', () => {
  it.each([
    'http://localhost',
    'https://a.example:8443/x/y',
    'https://[::1]:1/',
    'http://10.0.0.1:65535',
    'https://a/path;v=1',
  ])('reflector %s', (reflector) => {
    expect(accepted(loadWith({ reflector })).reflector).toBe(reflector);
  });

  it.each([
    'remote.example.com',
    'ws://a/',
    'https://',
    'https://a:0/',
    'https://a:65536/',
    'https://user:pw@a/',
    'https://a/?q',
    'https://a/#f',
    'https://a/b c',
    'https://a/\r\nX: y',
    'HTTPS://a/',
  ])('not reflector %j', (reflector) => {
    expect(errors(loadWith({ reflector }))).toHaveLength(1);
  });

  it.each(['a b', 'a@b', 'a:b', 'a\r\nb', 'a\u0000', 'é', ''])('neither id nor domain %j', (text) => {
    expect(errors(loadWith({ device: { id: text, domain: text } }))).toHaveLength(2);
  });

  it.each(['name', 'version', 'tenant'])('no line break in device.%s', (key) => {
    expect(errors(loadWith({ device: { ...minimal.device, [key]: 'a\r\nX: y' } }))).toHaveLength(1);
    expect(errors(loadWith({ device: { ...minimal.device, [key]: 'Pümpe "7"' } }))).toEqual([]);
  });

  it.each([
    'http://proxy:3128',
    'https://user:p%40ss@[::1]:8080/',
    'http://user@proxy',
    'socks5://proxy',
    'socks5h://user:pw@proxy:1080',
    'direct',
    'env',
  ])('proxy %s, alone and in a list', (proxy) => {
    expect(accepted(loadWith({ proxy })).proxy).toBe(proxy);
    expect(accepted(loadWith({ proxy: [proxy, 'direct'] })).proxy).toEqual([proxy, 'direct']);
  });

  it('a proxy with its password elsewhere', () => {
    const proxy = { uri: 'http://proxy:3128', user: 'u', password: { env: 'PROXY_PASSWORD' } };
    expect(accepted(loadWith({ proxy })).proxy).toEqual(proxy);
    expect(accepted(loadWith({ proxy: [proxy] })).proxy).toEqual([proxy]);
  });

  it('only proxies, reflectors and addresses that can be', () => {
    const server = { uri: 'http://p', user: 'u' };
    expect(errors(loadWith({ proxy: [] }))).toEqual(['proxy: found 0 entries, allowed are 1 to 8']);
    expect(errors(loadWith({ proxy: Array(9).fill('direct') }))).toHaveLength(1);
    expect(errors(loadWith({ proxy: { ...server, uri: 'http://u:secret@p' } }))).toEqual([
      'proxy.uri: found text, allowed is http://HOST[:PORT] or https://…, socks5://…, socks5h://…',
    ]);
    expect(errors(loadWith({ proxy: [server, { ...server, user: 'a:b' }] }))).toHaveLength(1);
    expect(warnings(loadWith({ proxy: { ...server, password: { file: '/nowhere' } } }))).toEqual([
      'proxy.password.file: /nowhere: no such file; each attempt looks again',
    ]);
    expect(warnings(loadWith({ proxy: ['env', { ...server, password: { file: '/nowhere' } }] }))).toEqual([
      'proxy[1].password.file: /nowhere: no such file; each attempt looks again',
    ]);
    const uri = 'https://a/';
    expect(accepted(loadWith({ reflector: [uri, 'http://b/'] })).reflector).toEqual([uri, 'http://b/']);
    expect(errors(loadWith({ reflector: [] }))).toHaveLength(1);
    expect(errors(loadWith({ reflector: Array(9).fill(uri) }))).toHaveLength(1);
    expect(errors(loadWith({ reflector: [uri, 'ftp://b/'] }))).toEqual([
      'reflector[1]: found "ftp://b/", allowed is http://HOST[:PORT][/PATH] or https://…',
    ]);
    expect(errors(loadWith({ addresses: { 'a.b': ['192.0.2.1', '2001:db8::1'] } }))).toEqual([]);
    expect(errors(loadWith({ addresses: { a: ['192.0.2.256'] } }))).toEqual([
      'addresses: found "192.0.2.256" for a, allowed is an IP address',
    ]);
    expect(errors(loadWith({ addresses: { a: ['b'] } }))).toHaveLength(1);
    expect(errors(loadWith({ addresses: { a: Array(9).fill('192.0.2.1') } }))).toHaveLength(1);
  });

  it.each([
    'proxy:3128',
    'http://user:secret@proxy:70000',
    'http://user:secret@proxy/x',
    'http://user:sec ret@proxy',
  ])('not proxy %j, which is not shown', (proxy) => {
    expect(errors(loadWith({ proxy }))).toEqual([
      'proxy: found text, allowed is "direct", "env", or http://[USER:PASSWORD@]HOST[:PORT] or https://…, socks5://…, socks5h://…',
    ]);
  });

  it('only names that are free for properties, and only plain values', () => {
    const properties = {
      'a b': '1',
      'x\r\n': '2',
      httpPort: 80,
      targetHost: 'x',
      'service-80': 'host=x',
      name: 'x',
      ok: 1.5,
      names: true,
      list: ['x'],
      text: 'a\nb',
    };
    expect(
      errors(loadWith({ device: { ...minimal.device, properties } })).map((line) =>
        line.replace(/(: \w+).*/, '$1'),
      ),
    ).toEqual([
      'device.properties["a b"]: the',
      'device.properties["x\\r\\n"]: the',
      'device.properties.httpPort: the',
      'device.properties.targetHost: the',
      'device.properties.service-80: the',
      'device.properties.name: the',
      'device.properties.list: found',
      'device.properties.text: found',
    ]);
  });

  it('no more properties than the head of a request holds', () => {
    const properties = (length: number) =>
      Object.fromEntries([...'abcdefgh'].map((name) => [name, 'x'.repeat(length)]));
    expect(errors(loadWith({ device: { ...minimal.device, properties: properties(1023) } }))).toEqual([]);
    expect(errors(loadWith({ device: { ...minimal.device, properties: properties(1024) } }))).toEqual([
      'device.properties: found 8200 characters in all, allowed are 8192',
    ]);
  });

  it('no more settings of services than the head of a request holds', () => {
    const services = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ port: i + 1, host: `${'x'.repeat(245)}:8080` }));
    expect(errors(loadWith({ services: services(32) }))).toEqual([]);
    expect(errors(loadWith({ services: services(33) }))).toEqual([
      'services: found 8415 characters of settings for the reflector, allowed are 8192',
    ]);
  });

  it('no Host that is not one', () => {
    for (const host of ['a b', 'http://a', 'a/b', 'a:0', 'a:65536', 'a; b', 'u@a', 'ä', '']) {
      expect(errors(loadWith({ services: [{ port: 80, host }] }))).toEqual([
        `services[0].host: found ${JSON.stringify(host)}, allowed is HOST[:PORT] or null`,
      ]);
    }
    for (const host of ['localhost:631', '[::1]', '192.168.1.1', 'printer.local'])
      expect(errors(loadWith({ services: [{ port: 80, host }] }))).toEqual([]);
  });

  it('no port twice', () => {
    expect(errors(loadWith({ services: [{ port: 80 }, { port: 22 }, { port: 80, target: 'b' }] }))).toEqual([
      'services[2].port: found 80, which services[0] has already',
    ]);
  });

  it('a path for web services only', () => {
    const services = [
      { port: 80, kind: 'http', path: '/a' },
      { port: 443, kind: 'https', path: '/b' },
      { port: 22, kind: 'ssh', path: '/c' },
    ];
    expect(errors(loadWith({ services }))).toEqual([
      'services[2].path: found for kind "ssh", allowed is a path for "http" and "https" only',
    ]);
  });

  it.each<[string, object, string]>([
    [
      'a back-off that shrinks',
      { reconnect: { min: 10, max: 5 } },
      'reconnect.min: found 10, allowed is at most reconnect.max (5)',
    ],
    [
      'a frame above the window',
      { limits: { frameBytes: 8192, windowBytes: 4096 } },
      'limits.frameBytes: found 8192, allowed is at most limits.windowBytes (4096)',
    ],
    [
      'a window above the total',
      { limits: { totalBytes: 65536 } },
      'limits.windowBytes: found 262144, allowed is at most limits.totalBytes (65536)',
    ],
    [
      'memory that peers could fill',
      { limits: { memoryBytes: 33_554_431 } },
      'limits.memoryBytes: found 33554431, allowed is at least twice limits.totalBytes (16777216)',
    ],
    [
      'a window that no frame of the original fits',
      { limits: { windowBytes: 2047 } },
      'limits.windowBytes: found 2047, allowed is an integer from 2048 to 16777216 (bytes) or a size such as "64KiB"',
    ],
    [
      'a socket path that the kernel cannot hold',
      { control: `/${'x'.repeat(107)}` },
      'control: found 108 characters, allowed are 100',
    ],
    [
      'access in windows of which there is none',
      { access: { mode: 'window' } },
      'access.windows: found none, needed is one with mode "window"',
    ],
    [
      'windows that nothing looks at',
      { services: [{ port: 80, access: { windows: [{ from: '08:00', to: '17:00' }] } }] },
      'services[0].access.mode: found "always", allowed with windows are "window" and "consent"',
    ],
    [
      'a question that nobody asks',
      { access: { mode: 'window', windows: [{ from: '08:00', to: '17:00' }], ask: 'ask' } },
      'access.mode: found "window", allowed with ask is "consent"',
    ],
    [
      'a time that no clock shows',
      { access: { mode: 'window', windows: [{ from: '24:00', to: '17:00' }] } },
      'access.windows[0].from: found "24:00", allowed is a time from "00:00" to "23:59"',
    ],
    [
      'consent that nobody can give',
      { control: null, services: [{ port: 80, access: { mode: 'consent' } }] },
      'control: found null, needed is a socket, or access.ask, because somebody must consent',
    ],
    [
      'an unknown log',
      { log: { to: 'stdout' } },
      'log.to: found "stdout", allowed is one of "stderr", "syslog" or { "file": … }',
    ],
  ])('not %s', (_, members, message) => {
    expect(errors(loadWith(members))).toEqual([message]);
  });

  it('no control socket', () => {
    expect(accepted(loadWith({ control: null })).control).toBeNull();
  });
});
