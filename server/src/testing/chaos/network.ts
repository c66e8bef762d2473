import { Duplex } from 'node:stream';
import type { Random } from '../../../../protocol/src/testing/random.ts';
import type { Machine } from './machine.ts';
import type { SimulatedTime } from './simulated-time.ts';

type Accept = (end: WireEnd) => void;

const retransmitMs = 1_000;

/** What carries messages between hosts. Each direction between two hosts can be cut by itself; what is under way then waits, as TCP does. */
export class Network {
  readonly #time: SimulatedTime;
  readonly #random: Random;
  readonly #cut = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Map<string, { readonly machine: Machine; readonly accept: Accept }[]>();
  /** When a way was last cut or mended, by host, simulated ms. */
  readonly #changed = new Map<string, number>();

  constructor(time: SimulatedTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  /** Nothing gets from one host to another until the returned function is called. */
  cut(from: string, to: string): () => void {
    const way = `${from}>${to}`;
    this.#cut.set(way, (this.#cut.get(way) ?? 0) + 1);
    this.#changed.set(way, this.#time.now);
    let isCut = true;
    return () => {
      if (!isCut) return;
      isCut = false;
      this.#cut.set(way, (this.#cut.get(way) ?? 1) - 1);
      this.#changed.set(way, this.#time.now);
      for (const go of [...this.#waiting]) go();
    };
  }

  isOpen(from: string, to: string): boolean {
    return (this.#cut.get(`${from}>${to}`) ?? 0) === 0;
  }

  /** Since when both ways between two hosts are open; `null`: they are not. */
  openSince(one: string, other: string): number | null {
    if (!this.isOpen(one, other) || !this.isOpen(other, one)) return null;
    return Math.max(this.#changed.get(`${one}>${other}`) ?? 0, this.#changed.get(`${other}>${one}`) ?? 0);
  }

  get latency(): number {
    return this.#random.integer(1, 20);
  }

  /** Calls `arrive` once a packet gets through, which is never before the way is open. */
  carry(from: string, to: string, arrive: () => void): void {
    this.#time.after(this.latency, () => {
      if (this.isOpen(from, to)) return arrive();
      const again = () => {
        if (!this.isOpen(from, to)) return;
        this.#waiting.delete(again);
        this.#time.after(this.#random.integer(0, retransmitMs), () => this.carry(from, to, arrive));
      };
      this.#waiting.add(again);
    });
  }

  /** Of several processes of a host that listen, the last one gets what comes. */
  listen(machine: Machine, service: string, accept: Accept): void {
    const key = `${machine.host} ${service}`;
    const listener = { machine, accept };
    this.#listeners.set(key, [...(this.#listeners.get(key) ?? []), listener]);
    machine.onEnd(() => {
      const rest = (this.#listeners.get(key) ?? []).filter((one) => one !== listener);
      this.#listeners.set(key, rest);
    });
  }

  /** A connection to a host. Told: `connected`, or `closed`. */
  connect(machine: Machine, host: string, service: string, events: WireEvents): WireEnd {
    const near = new WireEnd(this, machine, events);
    this.carry(machine.host, host, () => {
      const listener = this.#listeners.get(`${host} ${service}`)?.at(-1);
      if (!listener || near.isOver) {
        this.carry(host, machine.host, () => near.arrives({ kind: 'reset' }));
        return;
      }
      const far = new WireEnd(this, listener.machine, {});
      near.join(far);
      far.join(near);
      far.accept();
      listener.machine.deliver(() => {
        if (!far.isOver) listener.accept(far);
      });
    });
    return near;
  }
}

export interface WireEvents {
  connected?(): void;
  message?(message: unknown): void;
  /** The other end has said its last; `reset`: without order. Called once, and not after `close` or `reset` of this end. */
  closed?(reset: boolean): void;
}

type Packet =
  | { readonly kind: 'connected' | 'fin' | 'reset' }
  | { readonly kind: 'message'; readonly message: unknown };

/** One end of a connection between two machines: messages in their order. */
export class WireEnd {
  readonly machine: Machine;
  readonly #network: Network;
  #events: WireEvents;
  #peer: WireEnd | null = null;
  readonly #outgoing: Packet[] = [];
  /** What came before somebody listened. */
  readonly #early: Packet[] = [];
  #sending = false;
  #over = false;
  #told = false;

  constructor(network: Network, machine: Machine, events: WireEvents) {
    this.#network = network;
    this.machine = machine;
    this.#events = events;
    // The kernel of its host says so.
    machine.onEnd(() => this.reset());
  }

  /** It sends and takes nothing any more. */
  get isOver(): boolean {
    return this.#over;
  }

  join(peer: WireEnd): void {
    this.#peer = peer;
    this.#pump();
  }

  /** The kernel of its host takes the connection. */
  accept(): void {
    this.#push({ kind: 'connected' });
  }

  /** Who takes the events of an end that was accepted. */
  follow(events: WireEvents): void {
    this.#events = events;
    for (const packet of this.#early.splice(0)) this.#take(packet);
  }

  send(message: unknown): void {
    if (!this.#over) this.#push({ kind: 'message', message });
  }

  /** Its last message. What comes is still taken. */
  finish(): void {
    if (!this.#over) this.#push({ kind: 'fin' });
  }

  reset(): void {
    if (this.#over) return;
    this.#push({ kind: 'reset' });
    this.#over = true;
  }

  /** Its host has moved away: nothing gets in or out, and nobody is told. */
  vanish(): void {
    this.#over = true;
    this.#outgoing.length = 0;
    this.#peer = null;
  }

  arrives(packet: Packet): void {
    this.machine.deliver(() => this.#take(packet));
  }

  #take(packet: Packet): void {
    if (this.#over) return;
    const { connected, message, closed } = this.#events;
    if (!connected && !message && !closed) {
      this.#early.push(packet);
      return;
    }
    if (packet.kind === 'connected') connected?.();
    else if (packet.kind === 'message') message?.(packet.message);
    else {
      if (packet.kind === 'reset') this.#over = true;
      if (this.#told) return;
      this.#told = true;
      closed?.(packet.kind === 'reset');
    }
  }

  #push(packet: Packet): void {
    this.#outgoing.push(packet);
    this.#pump();
  }

  #pump(): void {
    const peer = this.#peer;
    if (!peer || this.#sending || this.#outgoing.length === 0) return;
    this.#sending = true;
    const packets = this.#outgoing.splice(0);
    this.#network.carry(this.machine.host, peer.machine.host, () => {
      this.#sending = false;
      for (const packet of packets) peer.arrives(packet);
      this.#pump();
    });
  }
}

/** A connection as a stream of bytes. */
export class WireSocket extends Duplex {
  readonly #wire: WireEnd;

  private constructor(wire: WireEnd) {
    super({ allowHalfOpen: false });
    this.#wire = wire;
  }

  /** Emits `connect`. */
  static connect(network: Network, machine: Machine, host: string, service: string): WireSocket {
    const socket = new WireSocket(
      network.connect(machine, host, service, {
        connected: () => socket.emit('connect'),
        message: (bytes) => socket.push(bytes),
        closed: (reset) => socket.#ended(reset),
      }),
    );
    return socket;
  }

  static of(wire: WireEnd): WireSocket {
    const socket = new WireSocket(wire);
    wire.follow({
      message: (bytes) => socket.push(bytes),
      closed: (reset) => socket.#ended(reset),
    });
    return socket;
  }

  #ended(reset: boolean): void {
    if (reset) this.destroy(new Error('reset by the other end'));
    else this.push(null);
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#wire.send(bytes);
    done();
  }

  override _final(done: () => void): void {
    this.#wire.finish();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wire.reset();
    done(error);
  }
}
