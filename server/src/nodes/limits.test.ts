import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultLimits as reflectorLimits } from 'rm-reflector';
import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { nodeLimits } from './limits.ts';
import { sharedStateLimits } from './shared/limits.ts';

test('every bound is a positive number that a test is named after', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const titles = readdirSync(folder)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .flatMap((text) => [...text.matchAll(/['"`]([A-Za-z, ]+): .*['"`],/g)].map(([, names]) => names ?? ''))
    .flatMap((names) => names.split(', '));
  for (const [name, value] of Object.entries(nodeLimits))
    expect([name, value > 0, titles.includes(name)]).toEqual([name, true, true]);
});

test('the others know within the 2,000 ms of Presence, and a lease outlasts renewals that fail', () => {
  const { readMs, batchMs, leaseMs, renewMs, retryMs } = nodeLimits;
  expect(readMs + batchMs).toBeLessThan(2_000);
  expect(renewMs + 2 * retryMs).toBeLessThan(leaseMs);
});

test('what is used once has room for all that may arrive, and each kind for all of its own', () => {
  const { arrivalsPerSecond, nonceMs, usedNonces, deviceCodes } = reflectorLimits;
  expect(usedNonces).toBeGreaterThanOrEqual((arrivalsPerSecond * (nonceMs + 5_000)) / 1_000);
  expect(sharedStateLimits.used).toBeGreaterThanOrEqual(usedNonces + deviceCodes + defaultLimits.tickets);
});
