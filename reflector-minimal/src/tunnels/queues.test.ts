import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InboundQueue } from './inbound-queue.ts';
import { OutboundQueue } from './outbound-queue.ts';

const pieces = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 30 });

describe('the inbound queue', () => {
  test('gives back the same bytes, in order', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.boolean(), { maxLength: 30 }), (list, takes) => {
        const queue = new InboundQueue();
        const out: Buffer[] = [];
        const all = Buffer.concat(list);
        list.forEach((piece, i) => {
          queue.add(Buffer.from(piece));
          if (takes[i]) out.push(queue.take() ?? Buffer.alloc(0));
        });
        for (let piece = queue.take(); piece; piece = queue.take()) out.push(piece);
        expect(Buffer.concat(out).equals(all)).toBe(true);
        expect(queue.bytes).toBe(0);
      }),
    );
  });

  test('small views of large reads do not keep the reads in memory', () => {
    const queue = new InboundQueue();
    for (let i = 0; i < 1000; i++) queue.add(Buffer.allocUnsafeSlow(65536).subarray(0, 10));
    const kept = new Set<ArrayBufferLike>();
    for (let piece = queue.take(); piece; piece = queue.take()) kept.add(piece.buffer);
    expect([...kept].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThanOrEqual(16384);
  });

  test('a large piece is kept as it is', () => {
    const queue = new InboundQueue();
    const piece = Buffer.allocUnsafeSlow(65536);
    queue.add(piece);
    expect(queue.take()).toBe(piece);
  });
});

describe('the outbound queue', () => {
  test('gives back the same bytes, cut anywhere', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(100), { maxLength: 50 }), (list, cuts) => {
        const queue = new OutboundQueue();
        for (const piece of list) queue.add(Buffer.from(piece));
        const out: Buffer[] = [];
        for (const cut of [...cuts, Number.MAX_SAFE_INTEGER]) {
          const count = Math.min(cut, queue.bytes);
          const taken = queue.take(count);
          expect(taken.reduce((sum, { length }) => sum + length, 0)).toBe(count);
          out.push(...taken);
        }
        expect(Buffer.concat(out).equals(Buffer.concat(list))).toBe(true);
      }),
    );
  });

  test('more than there is cannot be taken', () => {
    expect(() => new OutboundQueue().take(1)).toThrow(RangeError);
  });
});
