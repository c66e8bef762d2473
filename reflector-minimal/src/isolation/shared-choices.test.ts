import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { OneUseTokens } from '../one-use/one-use-tokens.ts';
import type { Session } from '../ports/identity.ts';
import { SharedMemory } from '../testing/shared-memory.ts';
import { Choices } from './choices.ts';
import { SharedChoices } from './shared-choices.ts';

const session = (id: string) => ({ id, user: { name: 'alice' } }) as Session;

let clock: ManualClock;
let one: SharedChoices;
let two: SharedChoices;
beforeEach(() => {
  clock = new ManualClock();
  const memory = new SharedMemory(clock);
  const make = () =>
    new SharedChoices(
      new OneUseTokens(memory.join(), Buffer.from('key'), 'choice', { ms: 60_000, used: 0 }),
      new Choices({ sessions: 10, sessionsPerUser: 10 }),
    );
  [one, two] = [make(), make()];
});

test('what was chosen at one process counts at the other once the browser has brought it', () => {
  const carried = one.choose(session('1'), 'dev1');
  expect(two.chosen(session('1'), null)).toBeNull();
  expect(two.chosen(session('1'), carried)).toBe('dev1');
  for (const choices of [one, two]) expect(choices.chosen(session('1'), null)).toBe('dev1');
});

test('it counts for its own session, and for a moment', () => {
  const carried = one.choose(session('1'), 'dev1');
  expect(two.chosen(session('2'), carried)).toBeNull();
  expect(two.chosen(session('1'), `${carried}A`)).toBeNull();
  clock.advance(60_001);
  expect(two.chosen(session('1'), carried)).toBeNull();
});
