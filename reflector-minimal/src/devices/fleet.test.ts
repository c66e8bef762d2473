import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { simulateFleet } from '../testing/fleet.ts';
import { fleetReport } from '../testing/fleet-report.ts';

// `npm run fleet -w rm-reflector` writes what the last test compares.
const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));

const restart = { devices: 10_000, awayMs: 5_000, scrypt: true, heldBack: true, untilMs: 3_600_000 };

describe('10,000 devices that come back after a restart', () => {
  test.each([1, 2, 3])(
    'are all let in, none for nothing, and no faster than the bounds say (seed %i)',
    (seed) => {
      const seconds = simulateFleet({ ...restart, seed });
      let connected = 0;
      for (const [index, second] of seconds.entries()) {
        connected += second.connected;
        const up = Math.max(0, index + 1 - restart.awayMs / 1000);
        const { slowArrivalsAtOnce, slowArrivalsPerSecond } = defaultLimits;
        expect(connected).toBeLessThanOrEqual(slowArrivalsAtOnce + up * slowArrivalsPerSecond);
        expect(second.wasted).toBe(0);
      }
      expect(connected).toBe(restart.devices);
      // Once the first rush has been told when to come, few come in vain.
      const rush = seconds.findIndex(({ attempts }) => attempts > 0) + 60;
      for (const { attempts } of seconds.slice(rush)) {
        expect(attempts).toBeLessThan(2 * defaultLimits.slowArrivalsPerSecond);
      }
    },
  );

  test('are back within two minutes where nothing needs scrypt', () => {
    const seconds = simulateFleet({ ...restart, scrypt: false, seed: 1 });
    expect(seconds.reduce((sum, { connected }) => sum + connected, 0)).toBe(restart.devices);
    expect(seconds.length).toBeLessThan(120);
  });

  test('would not come back if all were let in as they come', () => {
    const seconds = simulateFleet({ ...restart, heldBack: false, seed: 1 });
    const connected = seconds.reduce((sum, second) => sum + second.connected, 0);
    expect(connected).toBeLessThan(restart.devices / 10);
  });

  test('are what docs/fleet.md shows', async () => {
    const { table, curve } = fleetReport();
    const page = docs('fleet.md');
    const [head, , tail] = readFileSync(page, 'utf8').split(
      /(?<=<!-- table -->\n)(.*)(?=<!-- end of table -->)/s,
    );
    expect(tail).toBeDefined();
    await expect(`${head}\n${table}\n${tail}`).toMatchFileSnapshot(page);
    await expect(curve).toMatchFileSnapshot(docs('fleet.svg'));
  });
});
