import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { DeviceStream } from './device-stream.ts';

/** A socket that takes what is written when the test says so. */
class BlockedSocket extends Duplex {
  readonly written: Buffer[] = [];
  #taken: (() => void) | null = null;

  constructor() {
    super({ writableHighWaterMark: 1 });
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(bytes);
    this.#taken = done;
  }

  /** Takes all that is there, and resolves once whoever waited has heard of it. */
  async drain(): Promise<void> {
    while (this.#taken) {
      const taken = this.#taken;
      this.#taken = null;
      taken();
      await new Promise(setImmediate);
    }
  }
}

const ping = (text: string) => Buffer.concat([Buffer.from([0x89, text.length]), Buffer.from(text)]);

test('while the socket is blocked, the last PING is answered later, each time', async () => {
  const socket = new BlockedSocket();
  const stream = new DeviceStream({
    socket: socket as unknown as Socket,
    name: 'pump-7 port 22',
    extended: true,
    maxMessage: defaultLimits.messageBytes,
    keepAliveMs: defaultLimits.keepAliveMs,
    limits: defaultLimits,
    clock: new ManualClock(),
  });
  stream.resume();
  for (const text of ['one', 'two', 'three']) {
    stream.write('an upload');
    socket.emit('data', ping('old'));
    socket.emit('data', ping(text));
    await socket.drain();
  }
  const opcodes = socket.written.map((frame) => (frame[0] ?? 0) & 0x0f);
  expect(opcodes).toEqual([2, 10, 2, 10, 2, 10]);
  expect(socket.written.filter((_, i) => i % 2 === 1).map((frame) => (frame[1] ?? 0) & 0x7f)).toEqual([
    3, 3, 5,
  ]);
  stream.destroy();
});
