import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiveCredit, SendCredit } from './credit.ts';

describe('SendCredit', () => {
  it('counts down and up', () => {
    const credit = new SendCredit(100, 1000);
    credit.spend(60);
    expect(credit.left).toBe(40);
    expect(credit.grant(60)).toBe(true);
    expect(credit.left).toBe(100);
  });

  it('takes more than the window, up to its bound', () => {
    const credit = new SendCredit(100, 0xffffffff);
    expect(credit.grant(0xffffffff - 100)).toBe(true);
    expect(credit.grant(1)).toBe(false);
  });
});

describe('ReceiveCredit', () => {
  it.each([
    [1, 1, 1],
    [2, 1, 1],
    [100, 49, 0],
    [100, 50, 50],
    [100, 100, 100],
    [3, 1, 0],
    [3, 2, 2],
  ])('of a window of %i bytes grants, for %i taken, %i', (window, taken, increment) => {
    const credit = new ReceiveCredit(window);
    expect(credit.spend(window)).toBe(true);
    expect(credit.taken(taken)).toBe(increment);
  });

  it('notices a peer that sends more than it may', () => {
    const credit = new ReceiveCredit(10);
    expect(credit.spend(10)).toBe(true);
    expect(credit.spend(1)).toBe(false);
  });

  it('never lets more than the window be outstanding, and always lets an honest peer go on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.tuple(fc.nat(60), fc.nat(60))),
        (window, steps) => {
          const credit = new ReceiveCredit(window);
          let allowed = window;
          let held = 0;
          for (const [send, take] of steps) {
            const sent = Math.min(send, allowed);
            allowed -= sent;
            held += sent;
            expect(credit.spend(sent)).toBe(true);
            const taken = Math.min(take, held);
            held -= taken;
            allowed += credit.taken(taken);
            expect(held + allowed).toBeLessThanOrEqual(window);
          }
          allowed += credit.taken(held);
          expect(allowed).toBeGreaterThan(0);
        },
      ),
    );
  });
});
