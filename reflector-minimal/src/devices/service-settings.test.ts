import { encodeServiceSettings } from 'rm-protocol';
import { expect, test } from 'vitest';
import { readServiceSettings, serviceSettingsOf } from './service-settings.ts';

const defaults = {
  tls: false,
  target: null,
  targetPort: null,
  host: null,
  forwarded: true,
  headers: 'all',
  connections: null,
  responseTimeoutMs: null,
} as const;

test('what the agent writes is read', () => {
  const property = encodeServiceSettings({
    port: 631,
    kind: 'https',
    target: 'Printer.lan',
    targetPort: 6310,
    host: 'localhost:631',
    forwarded: false,
    headers: 'few',
    connections: 2,
    responseTimeout: 86_400,
  });
  expect(readServiceSettings({ [property?.name ?? '']: property?.value ?? '' }, 631)).toEqual({
    tls: true,
    target: 'printer.lan',
    targetPort: 6310,
    host: 'localhost:631',
    forwarded: false,
    headers: 'few',
    connections: 2,
    responseTimeoutMs: 86_400_000,
  });
});

test('blanks around names and values count for nothing', () => {
  const settings = readServiceSettings({ 'service-80': ' host = a.lan ; connections = 2 ' }, 80);
  expect(settings).toEqual({ ...defaults, host: 'a.lan', connections: 2 });
});

test('what the agent does not write is the default', () => {
  const service = {
    target: null,
    targetPort: null,
    host: null,
    connections: null,
    responseTimeout: null,
  } as const;
  expect(encodeServiceSettings({ ...service, port: 80, kind: 'http', forwarded: true, headers: 'all' })).toBe(
    null,
  );
  expect(readServiceSettings({}, 80)).toEqual(defaults);
  expect(readServiceSettings({ targetHost: '192.168.1.1' }, 80)).toEqual({
    ...defaults,
    target: '192.168.1.1',
  });
  expect(readServiceSettings({}, 443).tls).toBe(true);
  expect(readServiceSettings({ 'service-443': 'kind=http' }, 443).tls).toBe(false);
});

test.each([
  'host=a b',
  'host=a\r\nX: y',
  'host=u@a',
  'host=a/b',
  'host=a:99999',
  'host=ä',
  `host=${'a'.repeat(300)}`,
  'host=',
  'target=a b; host',
  'targetPort=0',
  'targetPort=65536',
  'targetPort=-1',
  'connections=0',
  'connections=65',
  'connections=-1',
  'connections=1e1',
  'connections=; responseTimeout=',
  'responseTimeout=0',
  'responseTimeout=86401',
  'responseTimeout=9999999999',
  'responseTimeout=NaN',
  'forwarded=false',
  'headers=none',
  '__proto__=x; constructor=y',
  '=;=;;;',
])('%j changes nothing', (value) => {
  expect(readServiceSettings({ 'service-80': value }, 80)).toEqual(defaults);
});

test('the path of a local socket is not announced', () => {
  const service = { targetPort: null, host: null, connections: null, responseTimeout: null } as const;
  const local = { ...service, port: 80, kind: 'http', forwarded: true, headers: 'all' } as const;
  expect(encodeServiceSettings({ ...local, target: 'unix:/run/x; host=evil' })).toBe(null);
});

test('the first of two of a name counts', () => {
  expect(readServiceSettings({ 'service-80': 'host=a; host=b' }, 80).host).toBe('a');
});

test('the least numbers count', () => {
  const settings = readServiceSettings({ 'service-80': 'targetPort=1;connections=1;responseTimeout=1' }, 80);
  expect(settings).toEqual({ ...defaults, targetPort: 1, connections: 1, responseTimeoutMs: 1000 });
});

test('what was read of a service is read again when the device has other properties, and only then', () => {
  const device = { properties: { 'service-80': 'host=a', 'service-81': 'host=b' } };
  const [first, second] = [serviceSettingsOf(device, 80), serviceSettingsOf(device, 81)];
  expect([first.host, second.host]).toEqual(['a', 'b']);
  expect(serviceSettingsOf({ ...device }, 80)).toBe(first);
  expect(serviceSettingsOf(device, 81)).toBe(second);
  expect(serviceSettingsOf({ properties: { 'service-80': 'host=c' } }, 80).host).toBe('c');
});
