import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Newcomer } from './first-bytes.ts';
import { guardConnections } from './guard-connections.ts';

export interface UsersFirstOptions {
  /** Who has sent these bytes first. */
  readonly newcomer: (bytes: Uint8Array) => Newcomer;
  /** Whether the connection may stay; it has been closed otherwise. */
  readonly admits: (socket: Socket) => boolean;
  /** The same, once it is a device that has to wait. */
  readonly mayWait: (socket: Socket) => boolean;
  readonly limits: Pick<Limits, 'firstBytes' | 'firstBytesMs' | 'turnsForUsers' | 'tunnels'>;
  readonly clock: Clock;
  /** Runs a function when what is at hand has been handled; by default `setImmediate`. */
  readonly soon?: (run: () => void) => void;
}

/** A connection that the server does not have yet. */
interface Held {
  readonly since: number;
  /** The server gets it, with what it has sent. */
  readonly pass: () => void;
}

/**
 * Serves users before devices. When a fleet comes back, thousands of devices dial at once, and each costs a TLS handshake and a
 * log-in. A user who came after them would wait for them all: the kernel gives connections in the order in which they came, and libuv
 * takes one in each turn of the event loop. So each connection is first asked who it is, by its first bytes. That costs little.
 * Users go on at once. Devices wait for their turns: one in each turn of the loop, and none while connections keep coming, because
 * there may be a user among them.
 */
export class UsersFirst {
  readonly #options: UsersFirstOptions;
  readonly #soon: (run: () => void) => void;
  readonly #passed = new WeakSet<Socket>();
  /** They have not said who they are; in the order in which they came. */
  readonly #silent = new Map<Socket, Held>();
  /** Devices; in the order in which they said so. */
  readonly #waiting = new Map<Socket, Held>();
  #timer: Cancellable | null = null;
  #turns = false;
  #cameThisTurn = false;
  #turnsForUsers = 0;

  constructor(options: UsersFirstOptions) {
    this.#options = options;
    this.#soon = options.soon ?? ((run) => void setImmediate(run));
  }

  /** Devices that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Stands before all listeners of this server, those to come as well. */
  guard(server: Server): void {
    guardConnections(server, (socket) => {
      if (this.#passed.has(socket)) return false;
      this.#cameThisTurn = true;
      if (this.#options.admits(socket)) {
        this.#hold(socket, () => {
          this.#passed.add(socket);
          server.emit('connection', socket);
        });
      }
      return true;
    });
  }

  /** Closes what the server does not have yet. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    for (const socket of [...this.#silent.keys(), ...this.#waiting.keys()]) socket.destroy();
  }

  #hold(socket: Socket, accepted: () => void): void {
    const { newcomer, mayWait, limits, clock } = this.#options;
    let bytes: Buffer = Buffer.alloc(0);
    const leave = () => {
      this.#silent.delete(socket);
      this.#waiting.delete(socket);
      socket.off('readable', read).off('end', close).off('error', ignored).off('close', leave);
    };
    const ignored = () => {};
    // It may still report an error, and nobody else listens. A device that gives up is no failed handshake.
    const close = () => {
      leave();
      socket.on('error', ignored).destroy();
    };
    const pass = () => {
      leave();
      if (bytes.length > 0) socket.unshift(bytes);
      accepted();
    };
    const held: Held = { since: clock.now(), pass };
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read())
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const isLong = bytes.length > limits.firstBytes;
      if (this.#waiting.has(socket)) {
        // No device says more before it has an answer.
        if (isLong) close();
        return;
      }
      if (bytes.length === 0) return;
      const who = newcomer(bytes);
      if (who === 'other' || (isLong && who === 'incomplete')) pass();
      else if (who === 'device') {
        if (this.#waiting.size >= limits.tunnels || !mayWait(socket)) close();
        else {
          this.#silent.delete(socket);
          this.#waiting.set(socket, held);
          this.#takeTurns();
        }
      }
    };
    this.#silent.set(socket, held);
    this.#watch();
    socket.on('readable', read).on('end', close).on('error', ignored).on('close', leave);
  }

  #takeTurns(): void {
    if (this.#turns || this.#waiting.size === 0) return;
    this.#turns = true;
    this.#soon(() => {
      this.#turns = false;
      const forUsers = this.#cameThisTurn && this.#turnsForUsers < this.#options.limits.turnsForUsers;
      this.#cameThisTurn = false;
      this.#turnsForUsers = forUsers ? this.#turnsForUsers + 1 : 0;
      try {
        if (!forUsers) firstOf(this.#waiting)?.pass();
      } finally {
        this.#takeTurns();
      }
    });
  }

  /** What says nothing goes on like a user: then the bounds of the server are for it. */
  #watch(): void {
    const first = firstOf(this.#silent);
    if (this.#timer || !first) return;
    const { limits, clock } = this.#options;
    this.#timer = clock.schedule(first.since + limits.firstBytesMs - clock.now(), () => {
      this.#timer = null;
      const due = [...this.#silent.values()].filter(
        ({ since }) => since + limits.firstBytesMs <= clock.now(),
      );
      for (const { pass } of due) pass();
      this.#watch();
    });
  }
}

function firstOf(held: ReadonlyMap<Socket, Held>): Held | undefined {
  return held.values().next().value;
}
