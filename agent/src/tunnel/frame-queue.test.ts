import { describe, expect, it } from 'vitest';
import { SimulatedHost } from '../../simulation/host.ts';
import { defaultLimits } from '../config/limits.ts';
import { FrameQueue } from './frame-queue.ts';

/** A queue for batches of so many bytes, on a socket of which only this is asked. */
function queueOn(
  batchBytes: number,
  write: (bytes: Uint8Array, start: number, end: number) => boolean,
  { network, clock, crypto } = new SimulatedHost(1),
): FrameQueue {
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

/** A queue whose socket keeps what is written: what it was, and how often keys were fetched. */
function lentQueue(batchBytes: number) {
  const host = new SimulatedHost(1);
  let fetched = 0;
  const { random } = host.crypto;
  host.crypto.random = (bytes) => {
    fetched++;
    random(bytes);
  };
  const written: { readonly bytes: Uint8Array; readonly end: number | undefined }[] = [];
  const write = (bytes: Uint8Array, _start?: number, end?: number) => {
    written.push({ bytes, end });
    return false;
  };
  const queue = queueOn(batchBytes, write, host);
  const send = (length: number) => {
    queue.data(1, new Uint8Array(length), 0, length);
    queue.flush();
  };
  return { clock: host.clock, queue, written, send, fetched: () => fetched };
}

describe('a batch', () => {
  it('of nothing is not written', () => {
    const { queue, written } = lentQueue(10_000);
    queue.flush();
    expect(written).toEqual([]);
    expect([queue.queued, queue.activeAt]).toEqual([0, 0]);
  });

  // A WebSocket header with a key and a WebTunnel header: 8 + 4 bytes.
  it.each([
    [4096 - 12, { length: 4096, end: undefined }],
    [4096 - 11, { length: 10_000 + 5 * 18, end: 4097 }],
  ])('of %d bytes is copied if it is small, and lent otherwise', (payload, { length, end }) => {
    const { written, send } = lentQueue(10_000);
    send(payload);
    expect(written.map((one) => [one.bytes.length, one.end])).toEqual([[length, end]]);
  });

  it('has room for a frame that is longer than it', () => {
    const { written, send, queue } = lentQueue(100);
    send(5000);
    expect(queue.queued).toBe(5012);
    expect(written).toHaveLength(1);
  });

  it('is filled again after it was written, as long as the next frame fits into it', () => {
    const batches: Uint8Array[] = [];
    const queue = queueOn(10_000, (bytes) => batches.push(bytes) > 0);
    // One that is exactly as long as a batch: 5 times 18 bytes for headers, of which 18 are needed.
    for (let i = 0; i < 3; i++) queue.data(1, new Uint8Array(10_072), 0, 10_072);
    queue.flush();
    expect([batches.length, new Set(batches).size]).toEqual([3, 1]);
  });

  it('that comes back is kept only while few are', () => {
    const { queue, written, send } = lentQueue(10_000);
    for (let i = 0; i < 6; i++) send(10_000);
    queue.taken(queue.queued);
    for (let i = 0; i < 6; i++) send(10_000);
    // The first six, one that was at hand, four that had come back, and a new one for the last.
    expect(new Set(written.map(({ bytes }) => bytes)).size).toBe(8);
  });
});

describe('keys', () => {
  it('are fetched for 256 frames at once', () => {
    const { send, fetched } = lentQueue(10_000);
    for (let i = 0; i < 256; i++) send(1);
    expect(fetched()).toBe(1);
    send(1);
    expect(fetched()).toBe(2);
  });
});

describe('the times of the queue', () => {
  it('count from when bytes were offered to an empty one', () => {
    const { clock, queue, send } = lentQueue(10_000);
    const start = clock.now();
    send(10);
    clock.advance(30);
    send(10);
    expect(queue.activeAt).toBe(start);
    expect(queue.movedAt).toBe(0);
  });

  it('move whenever bytes are taken', () => {
    const { clock, queue, send } = lentQueue(10_000);
    send(10);
    clock.advance(30);
    queue.taken(5);
    expect(queue.activeAt).toBe(clock.now());
  });

  it.each([
    [49, false],
    [50, true],
  ])('of bytes taken after %i ms: they had to wait for room is %s', (ms, waited) => {
    const { clock, queue, send } = lentQueue(10_000);
    send(10);
    clock.advance(ms);
    queue.taken(5);
    expect(queue.movedAt).toBe(waited ? clock.now() : 0);
  });
});
