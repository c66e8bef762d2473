import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { TunnelLost } from '../ports/channel-failure.ts';
import { FakeTunnel } from '../ports/conformance/fake-tunnel.ts';
import type { LocalTunnel } from '../ports/presence.ts';
import { encodeHello, type Hello, type NodeLife, relayVersions } from '../relay/hello.ts';
import type { Peer } from '../relay/peer-link.ts';
import { RelayDialer, type RelayOpenOptions } from '../relay/relay-dialer.ts';
import { encodeOpen, type OpenRequest } from '../relay/relay-frame.ts';
import { RelayListener, type RelayListenerOptions } from '../relay/relay-listener.ts';
import { RelayReader } from '../relay/relay-reader.ts';
import type { RelayTls } from '../relay/tls.ts';
import { Channel } from '../tunnels/channel.ts';
import { FakeLink } from './fake-link.ts';
import { until } from './until.ts';

/** A channel to a device whose part the test plays. */
export class DeviceEnd extends FakeLink {
  readonly channel: Channel;
  readonly user: string | null;
  readonly #received: Buffer[] = [];
  /** What the device wants to send, and how much of it it may. */
  #toSend: Buffer = Buffer.alloc(0);
  #mayClose = false;
  #credit = 262144;

  constructor(port: number, user: string | null) {
    super(65536, 262144);
    this.user = user;
    this.channel = new Channel(this, 7, port, user);
  }

  /** What the device has got. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  confirm(): this {
    this.channel.onConfirm();
    return this;
  }

  /** The device sends `bytes`, as its window allows, and then closes its direction if `last`. */
  send(bytes: Buffer | string, last = false): void {
    this.#toSend = Buffer.concat([this.#toSend, Buffer.from(bytes)]);
    this.#mayClose = last;
    this.#flush();
  }

  /** Bytes that its window has not let it send. */
  get unsent(): number {
    return this.#toSend.length;
  }

  override sendCredit(channel: Channel, bytes: number): void {
    super.sendCredit(channel, bytes);
    this.#credit += bytes;
    // Not within what has given the credit.
    setImmediate(() => this.#flush());
  }

  override ready(channel: Channel): void {
    while (
      channel.sendNext((_channel, pieces) => {
        this.#received.push(...pieces);
      })
    );
  }

  #flush(): void {
    while (this.#toSend.length > 0 && this.#credit > 0 && !this.channel.destroyed) {
      const piece = this.#toSend.subarray(0, Math.min(16384, this.#credit));
      this.#toSend = this.#toSend.subarray(piece.length);
      this.#credit -= piece.length;
      this.channel.onData(piece);
    }
    if (this.#toSend.length === 0 && this.#mayClose) {
      this.#mayClose = false;
      this.channel.onClose();
    }
  }
}

/** A tunnel whose channels end at a device that the test plays. */
export class TestTunnel extends FakeTunnel {
  readonly opened: DeviceEnd[] = [];
  /** Thrown in place of opening. */
  fault: Error | null = null;

  constructor(id = 'a', uid = '1', generation = 5) {
    super({ id, uid }, generation);
  }

  override open(port: number, user?: string): Channel {
    if (this.fault) throw this.fault;
    const end = new DeviceEnd(port, user ?? null);
    this.opened.push(end);
    return end.channel;
  }

  override evict(): void {
    super.evict();
    this.fault = new TunnelLost();
  }

  /** The channel that was opened as the `n`th, from 0. */
  async asked(n = 0): Promise<DeviceEnd> {
    await until(() => this.opened[n]);
    return this.opened[n] as DeviceEnd;
  }
}

export interface LogLine {
  readonly msg: string;
  readonly [fact: string]: unknown;
}

/** A node that owns tunnels, and one that uses them, in this process. What was opened is ended by `close`. */
export class RelayPair {
  readonly clock = new ManualClock();
  readonly limits: Limits;
  readonly lines: LogLine[] = [];
  readonly log = pino({ level: 'info' }, { write: (line: string) => this.lines.push(JSON.parse(line)) });
  readonly tunnel = new TestTunnel();
  readonly tunnels = new Map<string, LocalTunnel>([[this.tunnel.id, this.tunnel]]);
  readonly folder = mkdtempSync(join(tmpdir(), 'rm-relay-'));
  /** Bytes of payload of which dialers have told. */
  carried = 0;
  readonly listeners: RelayListener[] = [];
  readonly #dialers: RelayDialer[] = [];
  readonly #raw: Socket[] = [];
  #paths = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...defaultLimits, ...limits };
  }

  get path(): string {
    return join(this.folder, `${++this.#paths}.sock`);
  }

  /** Another owner; on a Unix socket, or with TLS on loopback. */
  async listen(
    options: { name?: string; epoch?: number; tls?: RelayTls; tunnels?: Map<string, LocalTunnel> } = {},
  ): Promise<Peer> {
    const { name = 'owner', epoch = 7, tls = null, tunnels = this.tunnels } = options;
    const { path } = this;
    const address = tls ? { host: '127.0.0.1', port: 0 } : { path };
    const listener = await this.#listen(address, tls, { name, epoch }, tunnels);
    return { name, epoch, address: tls ? `127.0.0.1:${listener.port}` : `unix:${path}` };
  }

  /** The owner once more, on this Unix socket. */
  async listenAt(path: string): Promise<RelayListener> {
    return this.#listen({ path }, null, { name: 'owner', epoch: 7 }, this.tunnels);
  }

  async #listen(
    address: RelayListenerOptions['address'],
    tls: RelayTls | null,
    node: NodeLife,
    tunnels: RelayListenerOptions['tunnels'],
  ): Promise<RelayListener> {
    const { limits, clock, log } = this;
    const listener = await RelayListener.listen({ address, tls, node, tunnels, limits, clock, log });
    this.listeners.push(listener);
    return listener;
  }

  dialer({ name = 'user', epoch = 1, tls = null as RelayTls | null } = {}): RelayDialer {
    const { limits, clock, log } = this;
    const carried = (bytes: number) => {
      this.carried += bytes;
    };
    const dialer = new RelayDialer({ tls, node: { name, epoch }, limits, clock, log, carried });
    this.#dialers.push(dialer);
    return dialer;
  }

  /** Opens port 80 of the device. */
  open(dialer: RelayDialer, peer: Peer, options: Partial<RelayOpenOptions> = {}): Channel {
    return dialer.open(peer, this.tunnel, 80, { relocate: async () => null, ...options }) as Channel;
  }

  /** A node that the test speaks for. */
  async raw(peer: Peer): Promise<RawPeer> {
    const socket = connect(peer.address.slice('unix:'.length));
    this.#raw.push(socket);
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  async close(): Promise<void> {
    for (const socket of this.#raw) socket.destroy();
    for (const dialer of this.#dialers) dialer.close();
    await Promise.all(this.listeners.map((listener) => listener.close()));
    rmSync(this.folder, { recursive: true });
  }
}

const names = [
  'hello',
  'open',
  'confirmed',
  'refused',
  'unavailable',
  'data',
  'credit',
  'closed',
  'failed',
  'pinged',
  'ponged',
  'ended',
] as const;

/** One end of a connection of the relay, every byte of which a test decides. */
export class RawPeer {
  readonly socket: Socket;
  /** What the other end has said: the name of the event, then what it is about; of data the number of bytes. */
  readonly events: unknown[][] = [];
  readonly ended: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    const reader = new RelayReader(
      Object.fromEntries(
        names.map((name) => [
          name,
          (...about: unknown[]) =>
            this.events.push([name, ...about.map((one) => (one instanceof Buffer ? one.length : one))]),
        ]),
      ) as never,
    );
    socket.on('data', (piece: Buffer) => reader.push(piece));
  }

  /** Says what it has said as `name`. */
  of(name: (typeof names)[number]): unknown[][] {
    return this.events.filter(([event]) => event === name).map(([, ...about]) => about);
  }

  hello(hello: Partial<Hello> = {}): void {
    this.socket.write(encodeHello({ name: 'raw', epoch: 1, ...relayVersions, ...hello }));
  }

  /** One frame as a message. */
  send(frame: Uint8Array): void {
    this.socket.write(message(frame));
  }

  ask(channel: number, request: Partial<OpenRequest> = {}): void {
    this.send(encodeOpen(channel, { id: 'a', uid: '1', generation: 5, port: 80, ...request }));
  }
}

/** A binary message of up to 65,535 bytes, or of 2^32-1. */
export function message(frame: Uint8Array): Buffer {
  const { length } = frame;
  if (length < 126) return Buffer.concat([Buffer.from([0x82, length]), frame]);
  const head = Buffer.alloc(length < 65536 ? 4 : 10);
  head[0] = 0x82;
  if (length < 65536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeUInt32BE(length, 6);
  }
  return Buffer.concat([head, frame]);
}
