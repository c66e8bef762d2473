import { Duplex } from 'node:stream';
import { Backlog } from '../node/backlog.ts';
import type { Dial, LocalHandler } from '../src/dial/dial-service.ts';
import type { HostError, Socket } from '../src/host.ts';
import { messageOf } from '../src/log/log.ts';

/** What waits is handed over in pieces of about this many bytes, or of a frame that is larger. */
const PIECE_BYTES = 4096;

/**
 * Serves a port inside the process: gets a stream for each connection, as a `net.Server` gives its sockets. What it throws,
 * or rejects with, costs this connection.
 */
export type ServiceHandler = (stream: Duplex, connection: { readonly port: number }) => void | Promise<void>;

/**
 * The two ends of one connection to a handler: `stream` is the application's, `socket` the channel's. Bytes count as
 * taken when the application's stream asks for them, so a handler that reads slowly slows its peer and nobody else.
 */
class HandlerConnection {
  readonly stream: Duplex;
  readonly socket: Socket;
  #handler: LocalHandler | null;
  /** What came down the tunnel and the application has not asked for. */
  readonly #incoming: Backlog[] = [];
  #wanted = false;
  #remoteEnded = false;
  #paused = false;
  /** What the application wrote while the channel does not read. */
  #held: (() => void) | null = null;

  constructor(handler: LocalHandler) {
    this.#handler = handler;
    this.stream = new Duplex({
      allowHalfOpen: true,
      read: () => {
        this.#wanted = true;
        this.#deliver();
      },
      write: (chunk: Buffer, _encoding, done) => {
        this.#whenReading(() => {
          this.#handler?.data(chunk, 0, chunk.length);
          done();
        });
      },
      final: (done) => {
        this.#whenReading(() => {
          this.#handler?.ended();
          done();
        });
      },
    });
    let message = 'connection reset by the handler';
    this.stream.on('error', (error) => {
      message = messageOf(error);
    });
    this.stream.on('close', () => {
      const orderly = this.stream.readableEnded && this.stream.writableFinished;
      this.#closed(orderly ? null : { code: 'reset', message });
    });
    this.socket = {
      write: (bytes, start = 0, end = bytes.length) => {
        this.#keep(bytes.subarray(start, end));
        this.#deliver();
        return true;
      },
      end: () => {
        this.#remoteEnded = true;
        this.#deliver();
      },
      pause: () => {
        this.#paused = true;
      },
      resume: () => {
        this.#paused = false;
        const held = this.#held;
        this.#held = null;
        if (held) process.nextTick(held);
      },
      destroy: () => {
        this.#handler = null;
        this.stream.destroy();
      },
      startTls: () => this.#closed({ code: 'other', message: 'a handler inside the process has no TLS' }),
    };
  }

  #keep(bytes: Uint8Array): void {
    let piece = this.#incoming.at(-1);
    if (!piece || piece.length + bytes.length > PIECE_BYTES) {
      piece = new Backlog();
      this.#incoming.push(piece);
    }
    piece.add(bytes);
  }

  /**
   * Hands over one piece for each time the application asks; never from within the channel's call. A stream asks again
   * only after it was given something, so no second delivery is ever under way.
   */
  #deliver(): void {
    if (!this.#wanted || (this.#incoming.length === 0 && !this.#remoteEnded)) return;
    this.#wanted = false;
    process.nextTick(() => {
      if (this.stream.destroyed) return;
      const piece = this.#incoming.shift()?.take();
      if (piece) this.#handler?.taken(piece.length);
      this.stream.push(piece ?? null);
    });
  }

  #whenReading(run: () => void): void {
    if (this.#paused) this.#held = run;
    else process.nextTick(run);
  }

  #closed(error: HostError | null): void {
    const handler = this.#handler;
    this.#handler = null;
    handler?.closed(error);
  }
}

/** What was thrown, if it is an error that a stream can be destroyed with: Node reads its stack, and that may read its message. */
function errorOf(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string' && typeof thrown.stack === 'string')
      return thrown;
  } catch {
    // It fails when it is asked.
  }
  return new Error(messageOf(thrown));
}

/** Connects a port to a handler; `failed` gets what it throws, which ends that connection. */
export function dialHandler(port: number, serve: ServiceHandler, failed: (error: unknown) => void): Dial {
  return (handler) => {
    let cancelled = false;
    process.nextTick(() => {
      if (cancelled) return;
      const connection = new HandlerConnection(handler);
      handler.connected(connection.socket);
      const { stream } = connection;
      new Promise<void>((resolve) => resolve(serve(stream, { port }))).catch((error: unknown) => {
        stream.destroy(errorOf(error));
        failed(error);
      });
    });
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  };
}
