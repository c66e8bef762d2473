import type { SocketHandler } from '../src/host.ts';
import type { SimulatedSocket } from './socket.ts';

/** A SOCKS5 server (RFC 1928) without authentication; what is behind it is what `behind` makes of the connection. */
export class SocksServer implements SocketHandler {
  readonly #socket: SimulatedSocket;
  readonly #behind: (socket: SimulatedSocket) => SocketHandler;
  /** Of greeting and request: how long the part is that is awaited, if that is known. */
  #bytes: number[] = [];
  #greeted = false;

  constructor(socket: SimulatedSocket, behind: (socket: SimulatedSocket) => SocketHandler) {
    this.#socket = socket;
    this.#behind = behind;
  }

  connected(): void {}

  data(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes.push(...bytes.subarray(start, end));
    if (!this.#greeted) {
      if (this.#bytes.length < 2 + (this.#bytes[1] ?? 255)) return;
      this.#bytes = [];
      this.#greeted = true;
      this.#socket.write(Uint8Array.of(5, 0));
      return;
    }
    const [, , , kind, length = 255] = this.#bytes;
    const whole = kind === 1 ? 10 : kind === 4 ? 22 : 7 + length;
    if (this.#bytes.length < whole) return;
    this.#socket.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    this.#socket.handler = this.#behind(this.#socket);
  }

  taken(): void {}

  ended(): void {
    this.#socket.end();
  }

  closed(): void {}
}
