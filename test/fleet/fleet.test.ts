import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../reflector-minimal/src/limits.ts';
import { type FleetOptions, simulateFleet } from './fleet.ts';
import { fleetReport } from './report.ts';

// `npm run fleet` writes what the last test compares.
const docs = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

const restart = { devices: 10_000, awayMs: 5_000, scrypt: true, heldBack: true, untilMs: 3_600_000 };

/** Seconds until all are back; infinite when they are not within an hour. */
function backAfter(options: Partial<FleetOptions>): number {
  const all = { ...restart, seed: 1, ...options };
  const seconds = simulateFleet(all);
  const connected = seconds.reduce((sum, second) => sum + second.connected, 0);
  return connected === all.devices ? seconds.length : Number.POSITIVE_INFINITY;
}

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

  describe('while somebody guesses passwords, a thousand a second', () => {
    const crowd = { devices: 1_000, untilMs: 300_000 };
    const guesses = { perSecond: 1_000, addresses: ['192.0.2.1'] };

    test.each([1, 10])('are back as soon as ever: from %i networks', (networks) => {
      const addresses = Array.from({ length: networks }, (_, n) => `192.0.${n}.1`);
      expect(backAfter({ ...crowd, guesses: { ...guesses, addresses } })).toBeLessThan(
        1.3 * backAfter(crowd),
      );
    });

    test('would be kept out without a budget for each network', () => {
      const limits = { slowFailuresPerNetwork: 1_000_000_000 };
      expect(backAfter({ ...crowd, guesses, limits })).toBe(Number.POSITIVE_INFINITY);
    });

    test('are back in the very network that it comes from, where they were before', () => {
      const together = { ...crowd, perNetwork: 1_000, guesses: { ...guesses, addresses: ['10.0.0.7'] } };
      expect(backAfter({ ...together, known: true })).toBeLessThan(2 * backAfter(crowd));
      // Elsewhere nobody can tell them from guesses before scrypt has.
      expect(backAfter(together)).toBe(Number.POSITIVE_INFINITY);
    });
  });

  describe.each([true, false])(
    'while one device reconnects in a loop, 600 times a second (scrypt: %s)',
    (scrypt) => {
      const crowd = { devices: 500, scrypt, untilMs: 200_000 };

      test('are back as soon as ever', () => {
        expect(backAfter({ ...crowd, looping: 600 })).toBeLessThan(1.3 * backAfter(crowd));
      });

      test('would be kept out without a share for each device', () => {
        const limits = { arrivalsPerDevice: 1_000_000_000, arrivalsReturning: 1_000_000_000 };
        expect(backAfter({ ...crowd, looping: 600, limits })).toBeGreaterThan(1.5 * backAfter(crowd));
      });
    },
  );

  test('come back from one network as from many', () => {
    expect(backAfter({ perNetwork: 10_000 })).toBeLessThan(1.1 * backAfter({}));
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
    // An hour of nine fleets: mere computing, which takes its time on a loaded machine.
  });
});
