import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Counter, type Stream } from './subject.ts';

const block = Buffer.alloc(1 << 18, 'remote access ');

/** A connection of any kind as a {@link Stream}. */
export class DuplexStream implements Stream {
  readonly #socket: Duplex;
  readonly #counter = new Counter();

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#counter.add(bytes.length));
    socket.on('error', () => {});
  }

  async send(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; left -= block.length) {
      const piece = left < block.length ? block.subarray(0, left) : block;
      if (!this.#socket.write(piece)) await once(this.#socket, 'drain');
    }
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  receive(bytes: number): Promise<void> {
    return this.#counter.take(bytes);
  }

  async close(): Promise<void> {
    this.#socket.end();
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }
}
