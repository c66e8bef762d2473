import { describe, expect, it } from 'vitest';
import type { LocalHandler } from '../../src/dial/dial-service.ts';
import type { Callbacks } from './callbacks.ts';
import { Deferred } from './deferred.ts';
import { Streams } from './streams.ts';

/** A program whose `opened` does this, and what it and the channel are told. */
async function dialled(opened: (cancel: () => void) => boolean): Promise<string[]> {
  const said: string[] = [];
  const nothing = () => undefined;
  const callbacks: Callbacks = {
    log: nothing,
    event: nothing,
    credential: () => null,
    access: () => 1,
    opened: () => opened(() => attempt.cancel()),
    received: nothing,
    ended: nothing,
    readable: nothing,
    writable: nothing,
    closed: (_stream, error) => void said.push(`program: ${error}`),
  };
  const handler: LocalHandler = {
    connected: () => void said.push('channel: connected'),
    data: nothing,
    taken: nothing,
    ended: nothing,
    closed: (error) => void said.push(`channel: ${error?.message}`),
  };
  const attempt = new Streams(callbacks, new Deferred()).dial(1, 80)(handler);
  await Promise.resolve();
  await Promise.resolve();
  return said;
}

describe('a connection to the program', () => {
  it('is one that it takes', async () => {
    expect(await dialled(() => true)).toEqual(['channel: connected']);
    expect(await dialled(() => false)).toEqual(['channel: the program refuses the connection']);
  });

  it('that is given up while the program is asked is over for both, whatever the answer', async () => {
    const cancelAnd = (answer: boolean) => (cancel: () => void) => {
      cancel();
      return answer;
    };
    expect(await dialled(cancelAnd(true))).toEqual(['program: the connection was broken']);
    expect(await dialled(cancelAnd(false))).toEqual([]);
  });
});
