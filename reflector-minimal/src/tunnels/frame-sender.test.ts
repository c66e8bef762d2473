import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { FakeLink } from '../testing/fake-link.ts';
import { Channel } from './channel.ts';
import { FrameSender } from './frame-sender.ts';

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A socket that takes what it is given only when the test says so, and the channels that share it. */
function setUp(queueBytes: number, frame = 100) {
  const taken: (() => void)[] = [];
  const chunks: Buffer[] = [];
  const socket = new Duplex({
    read: () => {},
    writableHighWaterMark: 50,
    writev: (list, done) => {
      chunks.push(...list.map(({ chunk }) => chunk as Buffer));
      taken.push(done);
    },
  });
  const sender = new FrameSender({ socket, maxFrame: frame, queueBytes, sent: () => {} });
  const link = new FakeLink(frame, 1_000_000);
  link.ready = (channel) => sender.ready(channel);
  const open = (number: number) => {
    const channel = new Channel(link, number, 80);
    channel.onConfirm();
    return channel;
  };
  /** Channel numbers of the frames so far: each is two bytes of WebSocket head and four of its own, then payload. */
  const order = () => {
    const bytes = Buffer.concat(chunks);
    const numbers: number[] = [];
    for (let at = 0; at < bytes.length; at += 2 + (bytes[at + 1] ?? 0))
      numbers.push(bytes.readUInt16BE(at + 4));
    return numbers;
  };
  const calls = () => taken.length;
  const drain = async () => {
    taken.shift()?.();
    await tick();
  };
  return { open, order, calls, drain, sender, socket };
}

describe('the sender of a tunnel', () => {
  test('gives each channel one frame in turn, however much the others have', async () => {
    const { open, order } = setUp(10_000);
    open(1).write(Buffer.alloc(500));
    open(2).write(Buffer.alloc(300));
    open(3).write(Buffer.alloc(30));
    await tick();
    expect(order()).toEqual([1, 2, 3, 1, 2, 1, 2, 1, 1]);
  });

  test('queues no more than its bound, and a newcomer waits for one frame of each busy channel', async () => {
    const { open, order, drain, sender } = setUp(200);
    open(1).write(Buffer.alloc(5_000));
    open(2).write(Buffer.alloc(5_000));
    await tick();
    expect(order()).toEqual([1, 2]);
    expect(sender.queued).toBeLessThanOrEqual(200 + 2 * 6);
    open(3).write(Buffer.alloc(30));
    await drain();
    expect(order()).toEqual([1, 2, 1, 2]);
    await drain();
    expect(order().slice(4)).toEqual([3, 1, 2]);
  });

  test('a control frame does not wait', async () => {
    const { open, order, drain, sender } = setUp(200);
    open(1).write(Buffer.alloc(5_000));
    await tick();
    sender.control(Buffer.from([0x02, 0, 0, 9]));
    await drain();
    expect(order().slice(0, 3)).toEqual([1, 1, 9]);
  });

  test('what came by several sockets leaves in one system call', async () => {
    const { open, order, calls, sender } = setUp(10_000);
    const [first, second] = [open(1), open(2)];
    first.write(Buffer.alloc(10));
    sender.control(Buffer.from([0x02, 0, 0, 9]));
    // As the event loop does between the events of two sockets.
    await new Promise((resolve) => process.nextTick(resolve));
    second.write(Buffer.alloc(10));
    await tick();
    expect(order()).toEqual([9, 1, 2]);
    expect(calls()).toBe(1);
  });

  test('what a channel has ended with leaves before the end of the tunnel', () => {
    const { order, sender } = setUp(10_000);
    sender.control(Buffer.from([0x02, 0, 0, 9]));
    sender.stop();
    expect(order()).toEqual([9]);
  });

  test('a channel that leaves loses its turn; after stop nothing is sent', async () => {
    const { open, order, sender } = setUp(10_000);
    const leaving = open(1);
    leaving.write(Buffer.alloc(10));
    sender.unready(leaving);
    open(2).write(Buffer.alloc(10));
    await tick();
    expect(order()).toEqual([2]);
    sender.stop();
    open(3).write(Buffer.alloc(10));
    sender.control(Buffer.from([0x02, 0, 0, 9]));
    await tick();
    expect(order()).toEqual([2]);
  });

  test("a bound below the stream's own mark does not stop it for good", async () => {
    const { open, order, drain } = setUp(1);
    open(1).write(Buffer.alloc(300));
    await tick();
    for (let i = 0; i < 3; i++) await drain();
    expect(order()).toEqual([1, 1, 1]);
  });
});
