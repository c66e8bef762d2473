import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Liveness } from './liveness.ts';

function setUp(probe: boolean): { liveness: Liveness; clock: ManualClock; log: string[] } {
  const clock = new ManualClock();
  const log: string[] = [];
  const ping = { ping: () => log.push(`ping ${clock.now()}`), pongMs: 30 };
  const liveness = new Liveness(clock, 100, probe ? ping : null, () => log.push(`dead ${clock.now()}`));
  return { liveness, clock, log };
}

describe('liveness', () => {
  test('a silent peer with the extension is asked, and given up without an answer', () => {
    const { clock, log } = setUp(true);
    clock.advance(500);
    expect(log).toEqual(['ping 100', 'dead 130']);
    expect(clock.pending).toBe(0);
  });

  test('an answer is enough', () => {
    const { liveness, clock, log } = setUp(true);
    clock.advance(110);
    liveness.seen();
    clock.advance(99);
    expect(log).toEqual(['ping 100']);
    clock.advance(2);
    expect(log).toEqual(['ping 100', 'ping 210']);
  });

  test('an original agent is never sent a PING, and only its silence counts', () => {
    const { liveness, clock, log } = setUp(false);
    for (let i = 0; i < 5; i++) {
      clock.advance(99);
      liveness.seen();
    }
    expect(log).toEqual([]);
    clock.advance(100);
    expect(log).toEqual(['dead 595']);
  });

  test('stop leaves no timer', () => {
    const { liveness, clock, log } = setUp(true);
    liveness.stop();
    clock.advance(1000);
    expect([log, clock.pending]).toEqual([[], 0]);
  });
});
