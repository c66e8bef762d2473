import type dns from 'node:dns';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../simulation/recorder.ts';
import { resolve } from './look-ups.ts';

type Callback = (error: Error | null, found: { address: string; family: number }[]) => void;

/** Questions for names that end in `.test`, which nobody but the test answers. */
const { asked } = vi.hoisted(() => {
  // Other files of tests have loaded `look-ups.ts` with the real name servers.
  vi.resetModules();
  return { asked: [] as unknown[] };
});

vi.mock('node:dns', async (original) => {
  const real = await original<typeof dns>();
  const lookup = (name: string, options: object, done: never) =>
    name.endsWith('.test') ? asked.push(done) : real.lookup(name, options, done);
  return { ...real, lookup };
});

beforeEach(() => {
  asked.length = 0;
});

/** Answers the first question. */
const answer = (address: string) => (asked.shift() as Callback)(null, [{ address, family: 4 }]);

describe('resolve', () => {
  it.each([
    ['127.0.0.1', 4],
    ['192.0.2.7', 4],
    ['::1', 6],
  ])('of the literal %s gives itself, later', async (address, family) => {
    const answers: unknown[] = [];
    resolve(address, (addresses, error) => answers.push([addresses, error]));
    expect(answers).toEqual([]);
    await eventually(() => expect(answers).toEqual([[[{ address, family }], null]]));
  });

  it('that is cancelled has no callback', async () => {
    let called = false;
    const lookUp = resolve('127.0.0.1', () => {
      called = true;
    });
    lookUp.cancel();
    lookUp.cancel();
    await new Promise<void>((passed) => resolve('127.0.0.1', () => passed()));
    expect(called).toBe(false);
  });

  it('asks once for all that wait for the same name, and afresh for a later look-up', async () => {
    const told: string[] = [];
    const wait = (who: string) => resolve('r.test', ([first]) => void told.push(`${who} ${first?.address}`));
    wait('one');
    const other = wait('two');
    wait('three');
    other.cancel();
    expect(asked).toHaveLength(1);
    answer('192.0.2.1');
    expect(told).toEqual(['one 192.0.2.1', 'three 192.0.2.1']);
    wait('four');
    expect(asked).toHaveLength(1);
    answer('192.0.2.2');
    expect(told.at(-1)).toBe('four 192.0.2.2');
  });

  it('starts anew although a cancelled one is still pending', () => {
    const told: string[] = [];
    resolve('r.test', () => void told.push('left')).cancel();
    resolve('r.test', ([first]) => void told.push(`new ${first?.address}`));
    expect(asked).toHaveLength(2);
    answer('192.0.2.1');
    expect(told).toEqual([]);
    resolve('r.test', ([first]) => void told.push(`with it ${first?.address}`));
    expect(asked).toHaveLength(1);
    answer('192.0.2.2');
    expect(told).toEqual(['new 192.0.2.2', 'with it 192.0.2.2']);
  });
});
