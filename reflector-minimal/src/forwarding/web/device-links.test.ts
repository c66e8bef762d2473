import { describe, expect, test } from 'vitest';
import { readServiceSettings } from '../../devices/service-settings.ts';
import {
  type DeviceSite,
  linkForUser,
  linksForUser,
  redirectLoop,
  unknownPrivateAuthority,
} from './device-links.ts';

interface Place {
  readonly properties?: Readonly<Record<string, string>>;
  readonly ports?: readonly number[];
  readonly port?: number;
  readonly protocol?: 'http' | 'https';
  readonly authority?: string;
  readonly shared?: boolean;
}

const domain = 'example.com';

function site(place: Place = {}): DeviceSite {
  const { properties = { targetHost: '127.0.0.1' }, ports = [80, 8080, 443, 22], port = 80 } = place;
  const label = port === 80 ? 'pump-7' : `pump-7-${port}`;
  const { protocol = 'https', authority = `${label}.${domain}`, shared = false } = place;
  return {
    id: 'pump-7',
    domain,
    port,
    ports,
    httpPort: 80,
    settingsOf: (number) => readServiceSettings(properties, number),
    origin: { protocol, authority },
    shared,
  };
}

const lan = { properties: { targetHost: '192.168.1.1' } };
const here = 'https://pump-7.example.com';

describe('a link of the device', () => {
  test.each<[what: string, place: Place, link: string, forUser: string]>([
    ['its target', lan, 'http://192.168.1.1/sub/?a=b#c', `${here}/sub/?a=b#c`],
    ['its target with its port', lan, 'http://192.168.1.1:80/', `${here}/`],
    ['its target without a path', lan, 'http://192.168.1.1', here],
    ['its target with a query alone', lan, 'http://192.168.1.1?a', `${here}?a`],
    ['its target, scheme left out', lan, '//192.168.1.1/a', `${here}/a`],
    ['its target, spelled loudly', lan, 'HTTP://192.168.1.1/A', `${here}/A`],
    ['another port', lan, 'http://192.168.1.1:8080/sub/', 'https://pump-7-8080.example.com/sub/'],
    ['its port for TLS', lan, 'https://192.168.1.1/a', 'https://pump-7-443.example.com/a'],
    ['a port that is not forwarded', lan, 'http://192.168.1.1:9000/', 'http://192.168.1.1:9000/'],
    ['the loopback address', {}, 'http://127.0.0.1:80/…', `${here}/…`],
    ['another loopback address', {}, 'http://127.0.0.53/', `${here}/`],
    ['a name that begins as one', {}, 'http://127.0.0.1.example/', 'http://127.0.0.1.example/'],
    ['localhost', {}, 'http://localhost:8080/', 'https://pump-7-8080.example.com/'],
    ['IPv6 loopback', {}, 'http://[::1]/', `${here}/`],
    ['localhost, of another machine', lan, 'http://localhost/', `${here}/`],
    ['a blank in its path', lan, 'http://192.168.1.1/my file', `${here}/my file`],
    ['UTF-8 in its path', lan, 'http://192.168.1.1/voil\xc3\xa0/\xc3\xa0', `${here}/voil\xc3\xa0/\xc3\xa0`],
    ["a program on the user's desk", {}, 'http://127.0.0.1:51234/code', 'http://127.0.0.1:51234/code'],
    ['our name, wrong scheme', {}, 'http://pump-7.example.com/a', `${here}/a`],
    [
      'our name, port left out',
      { protocol: 'http', authority: 'pump-7.example.com:9080' },
      'http://pump-7.example.com/a',
      'http://pump-7.example.com:9080/a',
    ],
    [
      'our name, its own port',
      { port: 8080 },
      'http://pump-7-8080.example.com:8080/a',
      'https://pump-7-8080.example.com/a',
    ],
    ['our name, another port', {}, 'http://pump-7.example.com:8080/a', 'https://pump-7-8080.example.com/a'],
    ['our name, a port that is not forwarded', {}, 'http://pump-7.example.com:9000/a', `${here}/a`],
    [
      'our name for another port',
      {},
      'https://pump-7-8080.example.com/a',
      'https://pump-7-8080.example.com/a',
    ],
    [
      'our name for another port, wrong scheme',
      {},
      'http://pump-7-8080.example.com/a',
      'https://pump-7-8080.example.com/a',
    ],
    [
      'our name for the web interface, wrong scheme',
      { port: 8080 },
      'http://pump-7.example.com/a',
      `${here}/a`,
    ],
    ['the web interface from another port', { port: 8080 }, 'http://127.0.0.1/', `${here}/`],
    ['its bare name', {}, 'http://pump-7/a', `${here}/a`],
    [
      'its host setting',
      { properties: { 'service-80': 'host=printer.lan:631' } },
      'http://printer.lan:631/a',
      `${here}/a`,
    ],
    [
      'its target port',
      { port: 8080, properties: { 'service-8080': 'target=192.168.1.9; targetPort=80' } },
      'http://192.168.1.9/a',
      'https://pump-7-8080.example.com/a',
    ],
    [
      'a neighbour that is forwarded, too',
      { properties: { targetHost: '127.0.0.1', 'service-8080': 'target=192.168.1.9; targetPort=80' } },
      'http://192.168.1.9/a',
      'https://pump-7-8080.example.com/a',
    ],
    ['a neighbour', lan, 'http://192.168.1.2/', 'http://192.168.1.2/'],
    ['somebody else', {}, 'https://vendor.example/', 'https://vendor.example/'],
    ['another device', {}, 'https://pump-8.example.com/', 'https://pump-8.example.com/'],
    [
      'a name that begins like ours',
      {},
      'http://pump-7.example.com.evil.example/',
      'http://pump-7.example.com.evil.example/',
    ],
    [
      'a user in front of its name',
      lan,
      'http://192.168.1.1@evil.example/',
      'http://192.168.1.1@evil.example/',
    ],
    ['a backslash', lan, 'http:\\\\192.168.1.1/', 'http:\\\\192.168.1.1/'],
    [
      'a backslash behind its name',
      lan,
      'http://192.168.1.1\\@evil.example/',
      'http://192.168.1.1\\@evil.example/',
    ],
    ['a path', lan, '/a', '/a'],
    ['a relative path', lan, 'a', 'a'],
    ['nothing', lan, '', ''],
    ['another scheme', lan, 'rtsp://192.168.1.1/', 'rtsp://192.168.1.1/'],
    [
      'another port, on a host that devices share',
      { ...lan, shared: true, authority: 'view.example.com' },
      'http://192.168.1.1:8080/',
      'http://192.168.1.1:8080/',
    ],
    [
      'its target, on a host that devices share',
      { ...lan, shared: true, authority: 'view.example.com' },
      'http://192.168.1.1/',
      'https://view.example.com/',
    ],
  ])('to %s', (_what, place, link, forUser) => {
    expect(linkForUser(site(place), link)).toBe(forUser);
  });

  test('is changed where it is followed, and nowhere else', () => {
    const link = 'http://192.168.1.1/a';
    expect(
      linksForUser(site(lan), [
        ...['Location', link, 'content-location', link, 'X-Location', link],
        ...[
          'Refresh',
          `5; url=${link}`,
          'Refresh',
          `0;URL='${link}'`,
          'Refresh',
          '10',
          'Refresh',
          `3, url = "${link}" x`,
        ],
      ]),
    ).toEqual([
      ...['Location', `${here}/a`, 'content-location', `${here}/a`, 'X-Location', link],
      ...['Refresh', `5; url=${here}/a`, 'Refresh', `0;URL='${here}/a'`, 'Refresh', '10'],
      ...['Refresh', `3, url = "${here}/a" x`],
    ]);
  });
});

describe('a redirect in a loop', () => {
  const get = { method: 'GET', url: '/a?b', cookies: false };
  const plain = { ports: [80], properties: { targetHost: '192.168.1.1' } };
  test.each<[what: string, place: Place, location: string, becomes: unknown]>([
    ['to TLS that is forwarded', {}, `${here}/a?b`, { location: 'https://pump-7-443.example.com/a?b' }],
    ['to TLS that is not', plain, `${here}/a?b`, { kind: 'https', port: 443 }],
    ['to TLS at its target', plain, 'https://192.168.1.1/a?b', { kind: 'https', port: 443 }],
    ['to TLS on a port of its own', plain, 'https://192.168.1.1:8443/a?b', { kind: 'https', port: 8443 }],
    [
      'to TLS by our name and port',
      { ...plain, protocol: 'http', authority: 'pump-7.example.com:9080' },
      'https://pump-7.example.com:9080/a?b',
      { kind: 'https', port: 443 },
    ],
    [
      'to TLS on a port that leads there',
      {
        ports: [80, 8443],
        properties: { targetHost: '192.168.1.1', 'service-8443': 'kind=https; targetPort=443' },
      },
      `${here}/a?b`,
      { location: 'https://pump-7-8443.example.com/a?b' },
    ],
    ['from TLS', { port: 443, ports: [443] }, 'http://127.0.0.1/a?b', { kind: 'http', port: 80 }],
    ['to another name', plain, 'http://192.168.1.1/a?b', { kind: 'host', host: '192.168.1.1' }],
    ['to TLS, another page', plain, `${here}/b`, null],
    ['to TLS elsewhere', plain, 'https://vendor.example/a?b', null],
    ['to itself', { ...plain, protocol: 'http' }, 'http://pump-7.example.com/a?b', null],
    ['to its path', plain, '/a?b', null],
  ])('%s', (_what, place, location, becomes) => {
    const answer = { status: 302, location, setsCookie: false };
    expect(redirectLoop(site(place), get, answer)).toEqual(becomes);
  });

  const answer = { status: 301, location: `${here}/a?b`, setsCookie: false };

  test('is none after a form', () => {
    expect(redirectLoop(site(plain), { ...get, method: 'POST' }, answer)).toBe(null);
  });

  test('is none while the device looks for cookies', () => {
    const looks = { ...answer, setsCookie: true };
    expect(redirectLoop(site(plain), get, looks)).toBe(null);
    expect(redirectLoop(site(plain), { ...get, cookies: true }, looks)).toEqual({
      kind: 'https',
      port: 443,
    });
  });

  test('is none in what is no redirect', () => {
    for (const status of [201, 400]) expect(redirectLoop(site(plain), get, { ...answer, status })).toBe(null);
    for (const status of [300, 399])
      expect(redirectLoop(site(plain), get, { ...answer, status })).not.toBe(null);
  });
});

describe('an address of a private network that is unknown to us', () => {
  const itself = { properties: { 'service-80': 'host=192.168.1.1:8080' } };
  test.each<[link: string, place: Place, authority: string | null]>([
    ['http://192.168.1.1:8080/sub/', {}, '192.168.1.1:8080'],
    ['https://10.1.2.3/', {}, '10.1.2.3'],
    ['//172.16.0.1/', {}, '172.16.0.1'],
    ['http://172.31.0.1/', {}, '172.31.0.1'],
    ['http://169.254.1.1/', {}, '169.254.1.1'],
    ['http://[fd00::1]:80/', {}, '[fd00::1]:80'],
    ['http://[fe80::1]/', {}, '[fe80::1]'],
    ['http://172.15.0.1/', {}, null],
    ['http://172.32.0.1/', {}, null],
    ['http://192.169.1.1/', {}, null],
    ['http://100.192.168.1/', {}, null],
    ['http://8.8.8.8/', {}, null],
    ['http://[2001:db8::1]/', {}, null],
    ['http://[2001:db8::fe80]/', {}, null],
    ['http://10.example.com/', {}, null],
    ['http://127.0.0.1/', {}, null],
    ['/sub/', {}, null],
    ['http://192.168.1.1:8080/', itself, null],
    ['http://192.168.1.2/', lan, null],
  ])('%s', (link, place, authority) => {
    expect(unknownPrivateAuthority(site(place), link)).toBe(authority);
  });
});
