import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LearnCount, SharedState } from '../shared-state.ts';
import { StoreUnavailable } from '../store.ts';

export interface SharedStateSubject {
  /** Another process. */
  join(): SharedState | Promise<SharedState>;
  /** Resolves when each member knows what the others have added. */
  settle(): Promise<void>;
  /** All that is kept is lost, as after a crash; each member knows that then. */
  lose(): Promise<void>;
  /** It cannot be reached until what is returned is called. */
  makeAway(): Promise<() => Promise<void>>;
  end(): Promise<void>;
}

const hour = { memoryMs: 3_600_000, perMs: 0 };

/** What every adapter of SharedState keeps to. `open`: an empty one, for each test. */
export function sharedStateConformance(
  name: string,
  open: () => SharedStateSubject | Promise<SharedStateSubject>,
): void {
  describe(`shared state: ${name}`, () => {
    let subject: SharedStateSubject;
    let members: readonly [SharedState, SharedState];
    beforeEach(async () => {
      subject = await open();
      members = [await subject.join(), await subject.join()];
    });
    afterEach(async () => {
      for (const member of members) await member.close();
      await subject.end();
    });

    /** Two counters of one name, with what each has learned. */
    const counters = () => {
      const learned = members.map(() => new Map<string, number>());
      const [one, two] = members.map((member, place) => {
        const learn: LearnCount = (key, count) => learned[place]?.set(key, Math.round(count * 1000) / 1000);
        return member.counter('tries', learn);
      });
      if (!one || !two) throw new Error('there are two');
      return { one, two, learned };
    };

    test('a key is used up for all members by the first', async () => {
      const [one, two] = members;
      const key = Buffer.from('a key');
      expect(await one.once(key, one.epoch, 60_000)).toBe(true);
      expect(await two.once(key, two.epoch, 60_000)).toBe(false);
      expect(await one.once(key, one.epoch, 60_000)).toBe(false);
      expect(await two.once(Buffer.from('another'), two.epoch, 60_000)).toBe(true);
    });

    test('of calls at once one is the first, whatever else is used', async () => {
      const keys = Array.from({ length: 50 }, (_, place) => Buffer.from(`key ${place}`));
      const rounds = [keys, [...keys].reverse()].map((order, place) => {
        const member = members[place] as SharedState;
        return Promise.all(
          order.map(async (key) => ((await member.once(key, member.epoch, 60_000)) ? String(key) : null)),
        );
      });
      const first = (await Promise.all(rounds)).flat().filter((key) => key !== null);
      expect(first.sort()).toEqual(keys.map(String).sort());
    });

    test('a key may be used again after its time', async () => {
      const [one, two] = members;
      const key = Buffer.from('short');
      expect(await one.once(key, one.epoch, 0)).toBe(true);
      await expect.poll(() => two.once(key, two.epoch, 0)).toBe(true);
    });

    test('what was given out before everything was lost counts as used', async () => {
      const [one, two] = members;
      const { epoch } = one;
      expect(two.epoch).toEqual(epoch);
      await subject.lose();
      expect(one.epoch).toEqual(two.epoch);
      expect(one.epoch).not.toEqual(epoch);
      expect(await one.once(Buffer.from('old'), epoch, 60_000)).toBe(false);
      expect(await two.once(Buffer.from('new'), two.epoch, 60_000)).toBe(true);
    });

    test('all read one clock', () => {
      const [one, two] = members.map((member) => member.now());
      expect(Math.abs((one ?? 0) - (two ?? 0))).toBeLessThan(2_000);
    });

    test('while it is away nothing is used up, and counting goes on', async () => {
      const [one, two] = members;
      const { one: counter, learned } = counters();
      const comeBack = await subject.makeAway();
      const key = Buffer.from('a key');
      await expect(one.once(key, one.epoch, 60_000)).rejects.toThrow(StoreUnavailable);
      counter.add('alice', 1, hour);
      await subject.settle();
      counter.add('alice', 2, hour);
      await comeBack();
      await subject.settle();
      expect(learned[1]?.get('alice')).toBe(3);
      expect(await two.once(key, two.epoch, 60_000)).toBe(true);
    });

    test('members learn of what others add, as a sum', async () => {
      const { one, two, learned } = counters();
      one.add('alice', 1, hour);
      one.add('alice', 1, hour);
      two.add('alice', 3, hour);
      two.add('bob', 1, hour);
      await subject.settle();
      for (const known of learned) expect(known.get('alice')).toBe(5);
      expect(learned[0]?.get('bob')).toBe(1);
      one.add('alice', 1, hour);
      await subject.settle();
      expect(learned[1]?.get('alice')).toBe(6);
    });

    test('a reset forgets what everybody has added before', async () => {
      const { one, two, learned } = counters();
      one.add('alice', 4, hour);
      await subject.settle();
      two.reset('alice');
      await subject.settle();
      expect(learned[0]?.get('alice')).toBe(0);
      one.add('alice', 1, hour);
      await subject.settle();
      expect(learned[1]?.get('alice')).toBe(1);
      one.add('carol', 2, hour);
      one.reset('carol');
      one.add('carol', 1, hour);
      await subject.settle();
      expect(learned[1]?.get('carol')).toBe(1);
    });

    test('a count is forgotten after its time', async () => {
      const { one, two, learned } = counters();
      one.add('alice', 4, { memoryMs: 0, perMs: 0 });
      await subject.settle();
      await expect
        .poll(async () => {
          two.add('alice', 1, { memoryMs: 0, perMs: 0 });
          await subject.settle();
          return learned[1]?.get('alice');
        })
        .toBe(1);
    });

    test('a name of its own is a counter of its own', async () => {
      const { learned } = counters();
      members[0].counter('others', () => {}).add('alice', 1, hour);
      await subject.settle();
      expect(learned[1]?.size).toBe(0);
    });
  });
}
