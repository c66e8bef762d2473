import type { Dial, LocalHandler } from '../../src/dial/dial-service.ts';
import type { Socket } from '../../src/host.ts';
import type { Callbacks } from './callbacks.ts';
import type { Deferred } from './deferred.ts';

/** What one write of the program brings at most, in bytes: as one read of a socket does. */
const WRITE_BYTES = 65_400;

/** One connection to a service of the program. C has its bytes and its number; this is what the channel sees. */
class Stream {
  readonly socket: Socket;
  readonly #streams: Streams;
  readonly #number: number;
  #handler: LocalHandler | null;
  /** Bytes of one write at most, as the channel asks. */
  #most = WRITE_BYTES;
  #paused = false;
  /** What the program writes before the channel is open; `null` from then on. */
  #early: Uint8Array[] | null = [];
  #earlyBytes = 0;
  /** The program was told that nothing more is taken, and waits for `writable`. */
  #held = false;
  /** The program knows that something waits for it. */
  #told = false;
  #remoteEnded = false;
  #endSeen = false;
  #endSent = false;

  constructor(streams: Streams, number: number, handler: LocalHandler) {
    this.#streams = streams;
    this.#number = number;
    this.#handler = handler;
    this.socket = {
      write: (bytes, start = 0, end = bytes.length) => {
        if (end > start) {
          this.#streams.callbacks.received(number, bytes, start, end);
          this.#tell();
        }
        return true;
      },
      end: () => {
        if (this.#remoteEnded) return;
        this.#remoteEnded = true;
        this.#streams.callbacks.ended(number);
        this.#tell();
      },
      pause: () => {
        this.#paused = true;
      },
      resume: () => {
        this.#paused = false;
        if (this.#held) this.#streams.run(number, () => this.#tellWritable());
      },
      readAtMost: (bytes) => {
        this.#most = Math.max(1, Math.min(bytes, WRITE_BYTES));
      },
      destroy: () => {
        this.#handler = null;
        this.#streams.closed(number, 'the connection was broken');
      },
      startTls: () => this.fail('a service inside the program has no TLS'),
    };
  }

  /** The channel is open from now on. */
  connected(): void {
    const early = this.#early ?? [];
    this.#early = null;
    this.#handler?.connected(this.socket);
    for (const bytes of early) this.#handler?.data(bytes, 0, bytes.length);
    if (this.#endSent) this.#handler?.ended();
    if (this.#held) this.#streams.run(this.#number, () => this.#tellWritable());
  }

  taken(count: number, empty: boolean): void {
    if (empty) {
      this.#told = false;
      if (this.#remoteEnded) this.#endSeen = true;
    }
    if (count > 0) this.#handler?.taken(count);
    this.#finish();
  }

  send(bytes: Uint8Array): number {
    if (this.#early) {
      const count = this.#endSent ? 0 : Math.min(bytes.length, WRITE_BYTES - this.#earlyBytes);
      if (count > 0) this.#early.push(bytes.slice(0, count));
      this.#earlyBytes += count;
      if (count < bytes.length) this.#held = true;
      return count;
    }
    let start = 0;
    while (start < bytes.length && !this.#paused && !this.#endSent && this.#handler) {
      const end = Math.min(bytes.length, start + this.#most);
      this.#handler.data(bytes, start, end);
      start = end;
    }
    if (start < bytes.length) this.#held = true;
    return start;
  }

  end(): void {
    if (this.#endSent) return;
    this.#endSent = true;
    if (!this.#early) this.#handler?.ended();
    this.#finish();
  }

  /** The program breaks the connection. */
  abort(): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#streams.forget(this.#number);
    handler?.closed({ code: 'reset', message: 'connection reset by the program' });
  }

  fail(message: string): void {
    const handler = this.#handler;
    this.#handler = null;
    handler?.closed({ code: 'other', message });
    this.#streams.closed(this.#number, message);
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    this.#streams.run(this.#number, () => this.#streams.callbacks.readable(this.#number));
  }

  #tellWritable(): void {
    if (this.#paused || !this.#held) return;
    this.#held = false;
    this.#streams.callbacks.writable(this.#number);
  }

  /** Both directions have ended: the program has read the end, and has sent its own. */
  #finish(): void {
    if (!this.#endSeen || !this.#endSent) return;
    const handler = this.#handler;
    this.#handler = null;
    handler?.closed(null);
    this.#streams.closed(this.#number, null);
  }
}

/** The connections to services of the program, by the number that C knows. */
export class Streams {
  /** @internal */
  readonly callbacks: Callbacks;
  readonly #deferred: Deferred;
  readonly #live = new Map<number, Stream>();
  #last = 0;

  constructor(callbacks: Callbacks, deferred: Deferred) {
    this.callbacks = callbacks;
    this.#deferred = deferred;
  }

  /** How the channels of `agent` reach the program's service at a port. */
  dial(agent: number, port: number): Dial {
    return (handler) => {
      let cancelled = false;
      this.#deferred.run(() => {
        if (cancelled) return;
        this.#last = (this.#last + 1) >>> 0;
        const number = this.#last;
        const stream = new Stream(this, number, handler);
        this.#live.set(number, stream);
        const taken = this.callbacks.opened(agent, number, port);
        if (!taken) {
          this.#live.delete(number);
          if (!cancelled) handler.closed({ code: 'refused', message: 'the program refuses the connection' });
        }
        // The channel may have ended because of what the program did in its callback.
        else if (cancelled) this.closed(number, 'the connection was broken');
        // The program may have broken it already.
        else if (this.#live.has(number)) stream.connected();
      });
      return {
        cancel: () => {
          cancelled = true;
        },
      };
    };
  }

  find(number: number): Stream | undefined {
    return this.#live.get(number);
  }

  /** @internal Runs a call about a stream, unless it is over by then. */
  run(number: number, call: () => void): void {
    this.#deferred.run(() => {
      if (this.#live.has(number)) call();
    });
  }

  /** @internal The connection is over: the program is told, once. */
  closed(number: number, error: string | null): void {
    this.run(number, () => {
      this.#live.delete(number);
      this.callbacks.closed(number, error, true);
    });
  }

  /** @internal The program knows that it is over. */
  forget(number: number): void {
    if (this.#live.delete(number)) this.callbacks.closed(number, null, false);
  }
}
