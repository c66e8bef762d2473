import { expect, test } from 'vitest';
import { readServiceSettings } from '../../devices/service-settings.ts';
import { requestHeaders } from './request-head.ts';
import { asService } from './service-head.ts';

const origin = {
  address: '192.0.2.1',
  protocol: 'https',
  authority: 'pump-7.example.com:8443',
  forwardedFor: '192.0.2.1',
} as const;

function head(settings: string, ...lines: [name: string, value: string][]): [string, string][] {
  const service = readServiceSettings({ 'service-80': settings }, 80);
  const flat = asService(lines.flat(), origin, service);
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? '']);
}

test('without settings nothing changes', () => {
  const lines: [string, string][] = [
    ['Host', 'pump-7.example.com:8443'],
    ['Origin', 'https://pump-7.example.com:8443'],
    ['Referer', 'https://pump-7.example.com:8443/a'],
    ['User-Agent', 'x'],
    ['Sec-Fetch-Site', 'same-origin'],
  ];
  expect(head('', ...lines)).toEqual(lines);
});

test.each([
  ['Host', 'pump-7.example.com:8443', 'localhost:631'],
  ['Origin', 'https://pump-7.example.com:8443', 'http://localhost:631'],
  ['Origin', 'https://PUMP-7.example.com:8443', 'http://localhost:631'],
  ['Origin', 'https://pump-7.example.com', 'https://pump-7.example.com'],
  ['Origin', 'https://pump-7.example.com:8443.evil.example', 'https://pump-7.example.com:8443.evil.example'],
  ['Origin', 'https://pump-7.example.com:84431', 'https://pump-7.example.com:84431'],
  ['Origin', 'https://evil.example', 'https://evil.example'],
  ['Origin', 'null', 'null'],
  ['Referer', 'https://pump-7.example.com:8443/a?b=c', 'http://localhost:631/a?b=c'],
  ['Referer', 'https://evil.example/https://pump-7.example.com:8443/', null],
  ['Referer', 'https://pump-7.example.com:8443@evil.example/', null],
  ['Destination', 'https://pump-7.example.com:8443/b', 'http://localhost:631/b'],
  ['Destination', '/b', '/b'],
  [
    'If',
    '<https://pump-7.example.com:8443/a> (<urn:uuid:1> ["etag"])',
    '<http://localhost:631/a> (<urn:uuid:1> ["etag"])',
  ],
])('with a host, %s: %s', (name, value, sent) => {
  expect(head('host=localhost:631', ['Host', origin.authority], [name, value]).at(-1)).toEqual([
    name,
    sent ?? value,
  ]);
});

test('with TLS behind it, the origin is that of TLS', () => {
  expect(head('kind=https; host=nas', ['Host', 'x'], ['Origin', 'https://pump-7.example.com:8443'])).toEqual([
    ['Host', 'nas'],
    ['Origin', 'https://nas'],
  ]);
});

test('a Destination has the scheme that the service speaks, whatever the user speaks to us', () => {
  expect(head('', ['Destination', 'https://pump-7.example.com:8443/b'])).toEqual([
    ['Destination', 'http://pump-7.example.com:8443/b'],
  ]);
});

test('a request without Host gets the one of the setting', () => {
  expect(head('host=nas', ['A', 'b'])).toEqual([
    ['Host', 'nas'],
    ['A', 'b'],
  ]);
});

const chromium: [string, string][] = [
  ['Host', 'esp-0123456789ab.devices.example.com'],
  ['Connection', 'keep-alive'],
  ['Cache-Control', 'max-age=0'],
  ['sec-ch-ua', '"Chromium";v="149", "Not)A;Brand";v="24", "Google Chrome";v="149"'],
  ['sec-ch-ua-mobile', '?0'],
  ['sec-ch-ua-platform', '"Windows"'],
  ['DNT', '1'],
  ['Upgrade-Insecure-Requests', '1'],
  [
    'User-Agent',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36',
  ],
  [
    'Accept',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
  ],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-User', '?1'],
  ['Sec-Fetch-Dest', 'document'],
  ['Referer', 'https://esp-0123456789ab.devices.example.com/settings/network?section=wireless'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Accept-Language', 'de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7'],
  ['Cookie', 'session=0123456789abcdef0123456789abcdef'],
];

function bytes(settings: string, lines: readonly [string, string][], method = 'GET'): string {
  const service = readServiceSettings({ 'service-80': settings }, 80);
  const flat = requestHeaders(lines.flat(), method, { body: 'none' }, origin, service);
  let text = `${method} /settings/network?section=wireless HTTP/1.1\r\n`;
  for (let i = 0; i < flat.length; i += 2) text += `${flat[i]}: ${flat[i + 1]}\r\n`;
  return `${text}\r\n`;
}

test('few headers of an ordinary browser are less than 512 bytes', () => {
  expect(bytes('', chromium).length).toBeGreaterThan(900);
  const few = bytes('headers=few', chromium);
  expect(few.length).toBeLessThan(512);
  expect(few).toMatch(/^Host: /m);
  expect(few).toMatch(/^Accept: /m);
  expect(few).toMatch(/^Cookie: session=/m);
});

test.each<[string, string]>([
  ['Authorization', 'Basic eDp5'],
  ['Content-Type', 'text/xml'],
  ['Depth', '1'],
  ['Destination', '/b'],
  ['If-None-Match', '"1"'],
  ['Origin', 'https://pump-7.example.com:8443'],
  ['Range', 'bytes=0-1'],
  ['SOAPAction', '"x"'],
  ['Sec-WebSocket-Key', 'x'],
  ['X-CSRF-Token', 'x'],
  ['X-Requested-With', 'XMLHttpRequest'],
])('few headers keep %s, which somebody has set on purpose', (name, value) => {
  expect(head('headers=few', [name, value])).toEqual([[name, value]]);
});

test('forwarded: no leaves out who asks', () => {
  const names = /^X-Forwarded-/m;
  expect(bytes('', chromium)).toMatch(names);
  expect(bytes('forwarded=no', chromium)).not.toMatch(names);
  expect(bytes('headers=few', chromium)).not.toMatch(names);
});
