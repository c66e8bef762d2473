import { expect, test } from 'vitest';
import { defaultLimits, limitsFor } from './limits.ts';

test('tunnels: the default number changes no bound', () => {
  expect(defaultLimits).toMatchObject(limitsFor(defaultLimits.tunnels));
});

test('tunnels: with more of them, what is kept for each grows, and users keep their connections', () => {
  const { connections, deferredWrites, arrivalsRemembered, cachedDevices } = defaultLimits;
  expect(limitsFor(32_000)).toEqual({
    tunnels: 32_000,
    connections: connections + 16_000,
    deferredWrites: 2 * deferredWrites,
    arrivalsRemembered: 2 * arrivalsRemembered,
    cachedDevices: 2 * cachedDevices,
  });
});

test('tunnels: with fewer of them, only they and the connections are fewer', () => {
  const { connections, deferredWrites, arrivalsRemembered, cachedDevices } = defaultLimits;
  expect(limitsFor(1_000)).toEqual({
    ...{ deferredWrites, arrivalsRemembered, cachedDevices },
    tunnels: 1_000,
    connections: connections - 15_000,
  });
});
