import type { Duplex } from 'node:stream';
import { type Cancellable, type Clock, closePayload, ProtocolError, WebSocketOpcode } from 'rm-protocol';
import { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import type { Channel } from '../tunnels/channel.ts';
import { FrameSender } from '../tunnels/frame-sender.ts';
import { Liveness } from '../websocket/liveness.ts';
import { commonVersion, encodeHello, type Hello, type NodeLife, relayVersions } from './hello.ts';
import { PeerViolation } from './peer-violation.ts';
import { relayTerms } from './relay-frame.ts';
import { type RelayHandler, RelayReader } from './relay-reader.ts';

export interface PeerEvents extends Omit<RelayHandler, 'hello' | 'pinged' | 'ponged' | 'ended'> {
  /** The hello of the other node. Returns why it is not accepted, or `null`. */
  greeted(hello: Hello): string | null;
  /** A PING or a PONG of the other node. */
  lives(): void;
  /** The connection carries nothing any more; called once. */
  lost(reason: string): void;
  /** A fault of ours has ended the connection. */
  faulty(error: unknown): void;
}

export interface PeerConnectionOptions {
  /** Connected, and authenticated as far as TLS does that. */
  readonly socket: Duplex;
  /** This node. */
  readonly node: NodeLife;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of payload bytes that have passed, in either direction. */
  readonly carried: (bytes: number) => void;
  readonly events: PeerEvents;
}

const goingAway = 1001;
/** What TLS hands on at once when there is more (RFC 8446 section 5.1). */
const fullRecordBytes = 16384;
/** Records that are gathered before they are read. */
const gatheredBytes = 256 * 1024;
const frameHead = (opcode: number, payload: Uint8Array) =>
  Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
const ping = frameHead(WebSocketOpcode.ping, Buffer.alloc(0));
const pong = frameHead(WebSocketOpcode.pong, Buffer.alloc(0));

/** A connection between two nodes, the same at both ends: hello, frames, liveness, and its end. */
export class PeerConnection {
  readonly #socket: Duplex;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #events: PeerEvents;
  readonly #sender: FrameSender;
  readonly #reader: RelayReader;
  readonly #boundary: Boundary;
  #helloTimer: Cancellable | null;
  /** Received, and read when the socket has nothing more at present. */
  readonly #gathered: Buffer[] = [];
  #gathering = 0;
  #liveness: Liveness | null = null;
  #ended = false;

  constructor({ socket, node, limits, clock, carried, events }: PeerConnectionOptions) {
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
    this.#boundary = new Boundary(
      () => this.#drop('a fault of this node'),
      (error) => events.faulty(error),
    );
    this.#boundary.contain(socket);
    this.#sender = new FrameSender({
      socket,
      maxFrame: relayTerms.maxFrame,
      queueBytes: limits.relayQueueBytes,
      sent: carried,
    });
    this.#reader = new RelayReader({
      ...bound(events, carried),
      hello: (hello) => this.#greeted(hello),
      pinged: () => {
        events.lives();
        this.#write(pong);
      },
      ponged: () => events.lives(),
      ended: (reason) => this.#drop(`closed by the other node: ${reason}`),
    });
    this.#helloTimer = clock.schedule(limits.relayHelloMs, () =>
      this.#boundary.run(() => this.#drop('no hello in time')),
    );
    socket.on('data', (piece: Buffer) => this.#received(piece));
    socket.on('error', (error: Error) => {
      this.#read();
      this.#drop(error.message);
    });
    socket.on('close', () => {
      this.#read();
      this.#drop('connection lost');
    });
    socket.write(encodeHello({ ...node, ...relayVersions }));
  }

  /** The hellos have been exchanged, and it has not ended. */
  get live(): boolean {
    return this.#liveness !== null && !this.#ended;
  }

  ready(channel: Channel): void {
    this.#sender.ready(channel);
  }

  unready(channel: Channel): void {
    this.#sender.unready(channel);
  }

  /** Sends a frame that does not wait for its turn. */
  control(frame: Uint8Array): void {
    if (!this.live) return;
    this.#sender.control(frame);
    this.#checkBacklog();
  }

  /** Ends the connection, and tells the other node why. `told`: as it is to be said there. Idempotent. */
  end(reason: string, told = reason): void {
    if (!this.#end(reason)) return;
    const text = Buffer.from(told)
      .subarray(0, 100)
      .toString()
      .replace(/\ufffd+$/, '');
    this.#socket.end(frameHead(WebSocketOpcode.close, closePayload(goingAway, Buffer.from(text))));
    this.#socket.resume();
    const timer = this.#clock.schedule(this.#limits.closeMs, () => this.#socket.destroy());
    this.#socket.once('close', () => timer.cancel());
  }

  /**
   * TLS hands on one record after the other, each in a turn of its own. Those of a large transfer are read together, so that who
   * takes them can write them with one system call.
   */
  #received(piece: Buffer): void {
    if (this.#ended) return;
    this.#liveness?.seen();
    this.#gathered.push(piece);
    this.#gathering += piece.length;
    if (piece.length < fullRecordBytes || this.#gathering >= gatheredBytes) this.#read();
    else if (this.#gathered.length === 1) setImmediate(() => this.#boundary.run(() => this.#read()));
  }

  #read(): void {
    const pieces = this.#gathered.splice(0);
    this.#gathering = 0;
    try {
      for (const piece of pieces) if (!this.#ended) this.#reader.push(piece);
    } catch (error) {
      if (!(error instanceof PeerViolation || error instanceof ProtocolError)) throw error;
      this.end(error.message);
    }
  }

  #greeted(hello: Hello): void {
    this.#helloTimer?.cancel();
    this.#helloTimer = null;
    if (commonVersion(relayVersions, hello) === null) {
      const ours = `${relayVersions.lowest} to ${relayVersions.highest}`;
      this.end(`no common version: ${ours} here, ${hello.lowest} to ${hello.highest} there`);
      return;
    }
    const { relayQuietMs, relayPongMs } = this.#limits;
    const probe = { ping: () => this.#write(ping), pongMs: relayPongMs };
    this.#liveness = new Liveness(this.#clock, relayQuietMs, probe, () => this.#drop('no sign of life'));
    const objection = this.#events.greeted(hello);
    if (objection !== null) this.end(objection, objection.replace(/^its /, 'your '));
  }

  /** A frame of WebSocket itself. */
  #write(frame: Buffer): void {
    if (!this.live) return;
    this.#socket.write(frame);
    this.#checkBacklog();
  }

  #checkBacklog(): void {
    const { relayQueueBytes, relayBacklogBytes } = this.#limits;
    if (this.#sender.queued > relayQueueBytes + relayBacklogBytes) this.#drop('the other node does not read');
  }

  /** Without a word: the other node may not be there, or does not read. */
  #drop(reason: string): void {
    this.#end(reason);
    this.#socket.destroy();
  }

  #end(reason: string): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#helloTimer?.cancel();
    this.#liveness?.stop();
    this.#reader.stop();
    this.#sender.stop();
    this.#events.lost(reason);
    return true;
  }
}

/** The events that go through as they are. */
function bound(
  events: PeerEvents,
  carried: (bytes: number) => void,
): Omit<RelayHandler, 'hello' | 'pinged' | 'ponged' | 'ended'> {
  return {
    open: (channel, request) => events.open(channel, request),
    confirmed: (channel) => events.confirmed(channel),
    refused: (channel, error) => events.refused(channel, error),
    unavailable: (channel, why, reason) => events.unavailable(channel, why, reason),
    data: (channel, piece) => {
      carried(piece.length);
      events.data(channel, piece);
    },
    credit: (channel, bytes) => events.credit(channel, bytes),
    closed: (channel) => events.closed(channel),
    failed: (channel, error) => events.failed(channel, error),
  };
}
