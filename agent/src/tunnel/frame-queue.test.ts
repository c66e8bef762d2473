import { describe, expect, it } from 'vitest';
import { SimulatedHost } from '../../simulation/host.ts';
import { defaultLimits } from '../config/limits.ts';
import { FrameQueue } from './frame-queue.ts';

/** A queue for batches of so many bytes, on a socket of which only this is asked. */
function queueOn(
  batchBytes: number,
  write: (bytes: Uint8Array, start: number, end: number) => boolean,
): FrameQueue {
  const { network, clock, crypto } = new SimulatedHost(1);
  const handler = {
    connected: () => undefined,
    data: () => undefined,
    taken: () => undefined,
    ended: () => undefined,
    closed: () => undefined,
  };
  const socket = network.connect({ address: '192.0.2.1', port: 443 }, handler);
  return new FrameQueue(Object.assign(Object.create(socket), { write }), clock, crypto, batchBytes);
}

/** The lengths of what is written for the frames of one read from a local socket. */
function writes(frameBytes: number): number[] {
  const lengths: number[] = [];
  const read = new Uint8Array(defaultLimits.frameBytes);
  const queue = queueOn(read.length, (_bytes, start, end) => {
    lengths.push(end - start);
    return true;
  });
  for (let at = 0; at < read.length; at += frameBytes) {
    queue.data(1, read, at, Math.min(at + frameBytes, read.length));
  }
  queue.flush();
  return lengths;
}

describe('what one read brings leaves with one write', () => {
  it.each([
    [2048, 65_536 + 32 * (4 + 4 + 4)],
    [16_384, 65_536 + 4 * (4 + 4 + 4)],
    [65_536, 65_536 + 10 + 4 + 4],
  ])('in frames of %d bytes', (frameBytes, written) => {
    expect(writes(frameBytes)).toEqual([written]);
  });

  it('but not in frames so short that a reflector could demand any amount of memory with them', () => {
    expect(writes(1).length).toBeGreaterThan(1);
    expect(Math.max(...writes(1))).toBeLessThan(65_536 * 1.01);
  });
});

describe('a batch that the socket refers to', () => {
  it('is used again when it has been taken, and not before', () => {
    const batches: Uint8Array[] = [];
    const read = new Uint8Array(10_000);
    const queue = queueOn(read.length, (bytes) => {
      batches.push(bytes);
      return false;
    });
    const send = (): number => {
      const before = queue.queued;
      queue.data(1, read, 0, read.length);
      queue.flush();
      return queue.queued - before;
    };
    const length = send();
    send();
    queue.taken(length - 1);
    send();
    expect(new Set(batches).size).toBe(3);
    queue.taken(1);
    // The one that the socket has done with is next but one: another is at hand already.
    send();
    send();
    expect(batches[4]).toBe(batches[0]);
    expect(new Set(batches).size).toBe(4);
  });
});
