import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { Liveness } from './liveness.ts';

const silentMs = 50_000;
const { pongMs, provenBytes } = defaultLimits;

describe('liveness', () => {
  let clock: ManualClock;
  let pings: number;
  let dead: boolean;
  let liveness: Liveness;
  beforeEach(() => {
    clock = new ManualClock();
    pings = 0;
    dead = false;
    liveness = new Liveness({
      clock,
      silentMs,
      limits: defaultLimits,
      ping: () => {
        pings++;
      },
      dead: () => {
        dead = true;
      },
    });
  });
  const pong = () => {
    liveness.seen();
    liveness.ponged();
  };

  test('a PING after the silence, and death without an answer', () => {
    clock.advance(silentMs - 1);
    expect(pings).toBe(0);
    clock.advance(1);
    expect(pings).toBe(1);
    clock.advance(pongMs - 1);
    expect(dead).toBe(false);
    clock.advance(1);
    expect([dead, clock.pending]).toEqual([true, 0]);
  });

  test('whatever comes puts it off; a PING that was answered is followed by the next', () => {
    clock.advance(silentMs - 1);
    liveness.seen();
    clock.advance(silentMs - 1);
    expect(pings).toBe(0);
    clock.advance(1);
    expect(pings).toBe(1);
    pong();
    clock.advance(silentMs + pongMs - 1);
    expect([pings, dead]).toEqual([2, false]);
    clock.advance(1);
    expect(dead).toBe(true);
  });

  test('silences shorter than pongMs are each ended by a PING', () => {
    liveness.stop();
    pings = 0;
    const short = new Liveness({
      clock,
      silentMs: pongMs / 4,
      limits: defaultLimits,
      ping: () => {
        pings++;
        short.seen();
        short.ponged();
      },
      dead: () => {
        dead = true;
      },
    });
    clock.advance(2 * pongMs);
    expect([pings, dead]).toEqual([8, false]);
    short.stop();
  });

  test('and the answer has pongMs all the same', () => {
    liveness.stop();
    pings = 0;
    new Liveness({
      clock,
      silentMs: pongMs / 4,
      limits: defaultLimits,
      ping: () => {
        pings++;
      },
      dead: () => {
        dead = true;
      },
    });
    clock.advance(pongMs / 4 + pongMs - 1);
    expect([pings, dead]).toEqual([1, false]);
    clock.advance(1);
    expect([pings, dead, clock.pending]).toEqual([1, true, 0]);
  });

  test('data in the place of the answer is life, too', () => {
    clock.advance(silentMs);
    liveness.seen();
    clock.advance(pongMs);
    expect(dead).toBe(false);
    clock.advance(silentMs - pongMs);
    expect([pings, dead]).toEqual([2, false]);
  });

  test('behind more than provenBytes a PING proves nothing, until one of them was answered', () => {
    liveness.sent(provenBytes + 1);
    clock.advance(24 * 3600_000);
    expect([pings, dead]).toEqual([1, false]);
    pong();
    liveness.sent(provenBytes);
    clock.advance(silentMs + pongMs);
    expect([pings, dead]).toEqual([2, true]);
  });

  test('what is sent behind a PING is not proven by its answer', () => {
    clock.advance(silentMs);
    liveness.sent(provenBytes + 1);
    pong();
    clock.advance(24 * 3600_000);
    expect([pings, dead]).toEqual([2, false]);
  });

  test('nothing is concluded while we do not read', () => {
    clock.advance(silentMs);
    liveness.paused = true;
    clock.advance(24 * 3600_000);
    expect([pings, dead]).toEqual([1, false]);
    liveness.paused = false;
    clock.advance(silentMs + pongMs);
    expect([pings, dead]).toEqual([2, true]);
  });

  test('stopped, it leaves nothing behind', () => {
    liveness.stop();
    clock.advance(24 * 3600_000);
    expect([pings, dead, clock.pending]).toEqual([0, false, 0]);
  });
});
