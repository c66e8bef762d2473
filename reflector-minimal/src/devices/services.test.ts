import { expect, test } from 'vitest';
import { normalizeDeviceId } from './device-id.ts';
import { readServices, servicesOf } from './services.ts';

test.each([
  [{}, { ports: [], httpPort: null, httpPath: '/' }],
  [{ targetPorts: '22, 8080,80' }, { ports: [22, 8080, 80], httpPort: 80, httpPath: '/' }],
  [{ targetPorts: '22, 5900' }, { ports: [22, 5900], httpPort: 22, httpPath: '/' }],
  [
    { targetPorts: '22', httpPort: '8080', httpPath: '/ui/?a=b' },
    { ports: [22], httpPort: 8080, httpPath: '/ui/?a=b' },
  ],
  [
    { targetPorts: '2222, 5901', sshPort: '2222', vncPort: '5901', rdpPort: 'none' },
    { ports: [2222, 5901], httpPort: 2222, httpPath: '/', sshPort: 2222, vncPort: 5901 },
  ],
  [
    { targetPorts: '65535, 1', rdpPort: '3389', httpPort: '1x', vncPort: 'x1' },
    { ports: [65535, 1], httpPort: 65535, httpPath: '/', rdpPort: 3389 },
  ],
  [
    { targetPorts: 'x, 0, 65536, -1, 1e3, 443', httpPort: '99999' },
    { ports: [443], httpPort: 443, httpPath: '/' },
  ],
])('%j', (properties, services) => {
  const none = { sshPort: null, vncPort: null, rdpPort: null };
  expect(readServices(properties as Record<string, string>)).toEqual({ ...none, ...services });
});

test.each(['//evil.example', '/\\evil.example', 'https://evil.example', 'ui', '', '/a b'])(
  'a path such as %j does not leave the device',
  (httpPath) => {
    expect(readServices({ httpPath }).httpPath).toBe('/');
  },
);

test('ids are labels of host names', () => {
  expect(normalizeDeviceId('0A1b2C')).toBe('0a1b2c');
  for (const id of ['', '-a', 'a-', 'a.b', 'ä', 'a b', 'x'.repeat(64)])
    expect(normalizeDeviceId(id)).toBeNull();
});

test('what was read of a device is read again when it has other properties, and only then', () => {
  const device = { properties: { targetPorts: '22' } };
  const services = servicesOf(device);
  expect(services.ports).toEqual([22]);
  expect(servicesOf({ ...device })).toBe(services);
  expect(servicesOf({ properties: { targetPorts: '80' } }).ports).toEqual([80]);
});
