import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import type { DeviceTunnel } from '../tunnels/device-tunnel.ts';
import { ConnectedDevice, mergeProperties } from './connected-device.ts';

test('changes are merged, whatever their names are', () => {
  const merged = mergeProperties({ a: '1', b: '2' }, [{ name: 'b', value: '3' }], 100);
  expect({ ...merged }).toEqual({ a: '1', b: '3' });
  const strange = mergeProperties({}, [{ name: '__proto__', value: 'x' }], 100);
  expect(Object.entries(strange ?? {})).toEqual([['__proto__', 'x']]);
});

test('propertiesBytes: names and values count, in UTF-8', () => {
  const changes = [
    { name: 'nä', value: '12' },
    { name: 'n', value: 'ö' },
  ];
  expect(mergeProperties({}, changes, 8)).not.toBeNull();
  expect(mergeProperties({}, changes, 7)).toBeNull();
});

interface Tunnel extends Pick<DeviceTunnel, 'open' | 'replace'> {
  bytesFrom: number;
  bytesTo: number;
}

function connected(tunnel: Partial<Tunnel>): ConnectedDevice {
  const limits = { ...defaultLimits, propertiesBytes: 4 };
  const key = { id: 'dev1', uid: 'uid1' };
  return new ConnectedDevice(key, 7, tunnel as DeviceTunnel, '192.0.2.1', { a: '1' }, limits);
}

test('a device on line says what it is, and changes its properties within the bound', () => {
  const device = connected({});
  expect(device).toMatchObject({ id: 'dev1', uid: 'uid1', generation: 7, node: null, address: '192.0.2.1' });
  const before = device.properties;
  expect(device.update([{ name: 'b', value: '22' }])).toBe(false);
  expect(device.properties).toBe(before);
  expect(device.update([{ name: 'b', value: '2' }])).toBe(true);
  expect({ ...device.properties }).toEqual({ a: '1', b: '2' });
  expect({ ...before }).toEqual({ a: '1' });
});

test('traffic counts since it was taken last, in each direction', () => {
  const tunnel = { bytesFrom: 10, bytesTo: 3 };
  const device = connected(tunnel);
  expect(device.takeTraffic()).toEqual({ bytesFrom: 10, bytesTo: 3 });
  Object.assign(tunnel, { bytesFrom: 15, bytesTo: 5 });
  expect(device.takeTraffic()).toEqual({ bytesFrom: 5, bytesTo: 2 });
  expect(device.takeTraffic()).toEqual({ bytesFrom: 0, bytesTo: 0 });
});

test('it opens channels on its tunnel, and is closed for its successor with a code of its own', () => {
  const calls: unknown[] = [];
  const device = connected({
    open: (port) => {
      calls.push(['open', port]);
      throw new Error('no channel here');
    },
    replace: (code) => void calls.push(['replace', code]),
  });
  expect(() => device.open(80)).toThrow('no channel here');
  device.evict();
  expect(calls).toEqual([
    ['open', 80],
    ['replace', 4001],
  ]);
});
