import type { Clock } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identity } from '../identity.ts';
import type { Rights, RightsDevice, Sight } from '../rights.ts';

export interface RightsHarness {
  readonly rights: Rights;
  readonly clock: Clock;
  /** A user who sees `seen` and not `hidden`, as the known users have it now. */
  identity(): Promise<Identity>;
  readonly seen: RightsDevice;
  readonly hidden: RightsDevice;
  /** Reads of the store so far. */
  reads(): number;
  /** From now on the user does not see `seen`; what the change feed says has been read. */
  revoke(): Promise<void>;
  close(): Promise<void>;
}

function contains({ domains, devices }: Sight, { id, domain }: RightsDevice): boolean {
  return domains === null || domains.includes(domain) || devices.includes(id);
}

/** What every adapter keeps to. `open`: one with a user, for each test. */
export function rightsConformance(open: () => Promise<RightsHarness>): void {
  describe('rights', () => {
    let harness: RightsHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const access = async (device: RightsDevice) =>
      harness.rights.deviceAccess(await harness.identity(), device);
    const sight = async () => harness.rights.sight(await harness.identity());

    test('a device is seen for a time that is not over, and another one is not', async () => {
      const granted = await access(harness.seen);
      expect(granted?.until).toBeGreaterThan(harness.clock.date());
      expect(await access(harness.hidden)).toBe(null);
    });

    test('the sight has what is seen, and nothing else', async () => {
      const found = await sight();
      expect([contains(found, harness.seen), contains(found, harness.hidden)]).toEqual([true, false]);
    });

    test('the credentials count', async () => {
      const until = await harness.rights.validUntil(await harness.identity());
      expect(until).toBeGreaterThan(harness.clock.date());
    });

    test('what was asked before is answered at once, from memory', async () => {
      const { rights, seen, hidden } = harness;
      const identity = await harness.identity();
      await rights.deviceAccess(identity, seen);
      await rights.sight(identity);
      const before = harness.reads();
      const answers = [
        rights.deviceAccess(identity, seen),
        rights.deviceAccess(identity, hidden),
        rights.sight(identity),
        rights.validUntil(identity),
      ];
      expect(answers.map((answer) => answer instanceof Promise)).toEqual([false, false, false, false]);
      expect(harness.reads()).toBe(before);
    });

    test('a change counts for the user as they are known afterwards', async () => {
      await access(harness.seen);
      await harness.revoke();
      expect(await access(harness.seen)).toBe(null);
      expect(contains(await sight(), harness.seen)).toBe(false);
    });

    test.each(['__proto__', 'constructor', ''])(
      'a device or domain named %j is another one',
      async (name) => {
        expect(await access({ id: name, uid: name, domain: name })).toBe(null);
        expect(contains(await sight(), { id: name, uid: name, domain: name })).toBe(false);
      },
    );
  });
}
