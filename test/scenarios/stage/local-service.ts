import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
import { Mailbox, within } from './wait.ts';

/** One connection that the agent made to a local service, under a test's control. */
export class LocalConnection {
  readonly socket: Socket;
  readonly #ended: Promise<void>;
  readonly #closed: Promise<void>;
  readonly #chunks = new Mailbox<Buffer>('data at the local service');
  readonly #peer: string;
  #rest: Buffer = Buffer.alloc(0);
  #first: Buffer | null = null;
  #error: Error | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#ended = new Promise((resolve) => socket.on('end', () => resolve()));
    // A reset is one of the ways to close.
    this.#closed = new Promise((resolve) => socket.on('close', () => resolve()));
    this.#peer = `port ${socket.remotePort}`;
    socket.on('data', (bytes) => {
      this.#first ??= bytes;
      this.#chunks.put(bytes);
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => this.#chunks.end('the connection is closed'));
  }

  /** FIN came: no more data from the agent. A connection that closes without it fails at once. */
  get ended(): Promise<void> {
    const closed = this.#closed.then(() => Promise.reject(new Error(`closed without FIN${this.#context()}`)));
    return within(Promise.race([this.#ended, closed]), 'FIN at the local service', () => this.#context());
  }

  /**
   * The agent has given the connection up. A reset closes it; behind data that was not read yet libuv reports the
   * reset as an end.
   */
  get gone(): Promise<void> {
    return within(Promise.race([this.#ended, this.#closed]), 'the local connection to be given up');
  }

  /** The connection is gone in both directions. */
  get closed(): Promise<void> {
    return within(this.#closed, 'the local connection to close');
  }

  async read(length: number): Promise<Buffer> {
    const parts = [this.#rest];
    let size = this.#rest.length;
    while (size < length) {
      const bytes = await this.#chunks.next();
      parts.push(bytes);
      size += bytes.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }

  async expectText(text: string): Promise<void> {
    expect((await this.read(Buffer.byteLength(text))).toString()).toBe(text);
  }

  /** What tells the agent's connection from one that somebody else's program has made to this port. */
  #context(): string {
    const first = JSON.stringify(this.#first?.subarray(0, 100).toString('latin1') ?? '');
    return `; from ${this.#peer}, first bytes ${first}, error ${this.#error?.message ?? 'none'}`;
  }
}

/** A service on the device. */
export class LocalService {
  /** 0 at a local socket. */
  readonly port: number;
  readonly #connections: Mailbox<LocalConnection>;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>, connections: Mailbox<LocalConnection>) {
    const address = server.address() as AddressInfo | string;
    this.#server = server;
    this.#sockets = sockets;
    this.#connections = connections;
    this.port = typeof address === 'string' ? 0 : address.port;
  }

  /**
   * A service whose connections a test takes one by one; `serve` sees each socket first, before anything is read. It
   * listens at a TCP port, or at the local socket `path`; with `tls` a connection counts when it is private.
   */
  static async start(
    serve: (socket: Socket) => void = () => {},
    { path, tls }: { readonly path?: string; readonly tls?: TlsOptions } = {},
  ): Promise<LocalService> {
    const sockets = new Set<Socket>();
    const connections = new Mailbox<LocalConnection>('a connection to the local service');
    const accept = (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      connections.put(new LocalConnection(socket));
      serve(socket);
    };
    const options = { allowHalfOpen: true, noDelay: true };
    const server = tls ? createTlsServer({ ...options, ...tls }, accept) : createServer(options, accept);
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await within(once(server, 'listening'), 'the local service to listen');
    return new LocalService(server, sockets, connections);
  }

  /** Sends back what it gets, and ends when its peer ends. */
  static echo(): Promise<LocalService> {
    return LocalService.start((socket) => {
      socket.pipe(socket);
    });
  }

  /** Takes connections and does not read from them until a test resumes their socket. */
  static stalled(): Promise<LocalService> {
    return LocalService.start((socket) => socket.pause());
  }

  connection(): Promise<LocalConnection> {
    return this.#connections.next();
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * A port whose connections are never completed: its thread has stopped for good, so that nobody accepts, and the
 * kernel drops every SYN once the listener's queue is full.
 */
export class SilentPort {
  readonly port: number;
  readonly #worker: Worker;
  readonly #fillers: readonly Socket[];

  private constructor(port: number, worker: Worker, fillers: readonly Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#fillers = fillers;
  }

  static async start(): Promise<SilentPort> {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       const server = require('node:net').createServer();
       server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
         parentPort.postMessage(server.address().port);
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       });`,
      { eval: true },
    );
    const [port] = (await within(once(worker, 'message'), 'the silent port to listen')) as [number];
    // A queue of 1 holds two connections; the third one's SYN is dropped.
    const fillers = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    for (const filler of fillers) {
      filler.on('error', () => {});
      await within(once(filler, 'connect'), 'the queue of the silent port to fill');
    }
    return new SilentPort(port, worker, fillers);
  }

  async stop(): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    await this.#worker.terminate();
  }
}
