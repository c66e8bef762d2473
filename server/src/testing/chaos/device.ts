import type { Random } from '../../../../protocol/src/testing/random.ts';
import type { Machine } from './machine.ts';
import { answerText, type TunnelMessage } from './messages.ts';
import type { Network, WireEnd } from './network.ts';
import type { Verdict } from './verdict.ts';

const quietMs = 10_000;
const deadMs = 8_000;
const tickMs = 400;

export interface DeviceSurroundings {
  readonly network: Network;
  readonly random: Random;
  readonly verdict: Verdict;
  /** Where there may be a node. */
  readonly hosts: readonly string[];
}

/** A device that keeps one tunnel, answers requests, and comes again. */
export class SimulatedDevice {
  readonly id: string;
  readonly uid: string;
  readonly password: string;
  readonly machine: Machine;
  readonly #options: DeviceSurroundings;
  #wire: WireEnd | null = null;
  #heard = 0;
  /** What has come on each channel. */
  readonly #text = new Map<number, string>();

  constructor(
    { id, uid, password }: { id: string; uid: string; password: string },
    machine: Machine,
    options: DeviceSurroundings,
  ) {
    this.id = id;
    this.uid = uid;
    this.password = password;
    this.machine = machine;
    this.#options = options;
  }

  start(): void {
    this.#dialLater(0);
  }

  /** It loses its address without a word: its former tunnel is half-open, and it dials again. */
  roam(): void {
    this.#wire?.vanish();
    this.#wire = null;
    this.#dialLater(this.#options.random.integer(0, 2_000));
  }

  /** It closes its tunnel, and comes again. */
  leave(): void {
    this.#wire?.reset();
    this.#wire = null;
    this.#dialLater(this.#options.random.integer(0, 3_000));
  }

  #dialLater(ms: number): void {
    this.machine.clock.schedule(ms, () => {
      if (!this.#wire) this.#dial();
    });
  }

  #dial(): void {
    const { network, random, hosts } = this.#options;
    const wire: WireEnd = network.connect(this.machine, random.pick(hosts), 'devices', {
      connected: () => wire.send({ kind: 'hello', id: this.id, password: this.password }),
      message: (message) => {
        if (this.#wire === wire) this.#take(wire, message as TunnelMessage);
      },
      closed: () => this.#lost(wire),
    });
    this.#wire = wire;
    this.#heard = this.machine.clock.now();
    this.#watch(wire);
  }

  #lost(wire: WireEnd): void {
    wire.reset();
    if (this.#wire !== wire) return;
    this.#wire = null;
    this.#dialLater(this.#options.random.integer(200, 3_000));
  }

  #watch(wire: WireEnd): void {
    const { clock } = this.machine;
    const silent = clock.now() - this.#heard;
    if (silent >= quietMs + deadMs) {
      this.#lost(wire);
      return;
    }
    if (silent >= quietMs) wire.send({ kind: 'ping' });
    clock.schedule(silent >= quietMs ? deadMs : quietMs - silent, () => {
      if (this.#wire === wire) this.#watch(wire);
    });
  }

  #take(wire: WireEnd, message: TunnelMessage): void {
    const { random } = this.#options;
    this.#heard = this.machine.clock.now();
    if (message.kind === 'welcome') this.#text.clear();
    else if (message.kind === 'refused') this.#lost(wire);
    else if (message.kind === 'ping') wire.send({ kind: 'pong' });
    else if (message.kind === 'open') {
      const { channel } = message;
      this.#text.set(channel, '');
      this.machine.clock.schedule(random.integer(1, 300), () => wire.send({ kind: 'confirm', channel }));
    } else if (message.kind === 'data') this.#received(wire, message.channel, message.bytes.toString());
    else if (message.kind === 'reset') this.#text.delete(message.channel);
  }

  #received(wire: WireEnd, channel: number, piece: string): void {
    const { random, verdict } = this.#options;
    const text = (this.#text.get(channel) ?? '') + piece;
    this.#text.set(channel, text);
    if (!text.endsWith('\n')) return;
    const [number, kind] = text.trim().split(' ');
    verdict.bodyCame(Number(number), this.uid);
    const line = () =>
      wire.send({ kind: 'data', channel, bytes: Buffer.from(answerText(this.uid, Number(number))) });
    const tick = () => {
      if (wire.isOver || !this.#text.has(channel)) return;
      line();
      this.machine.clock.schedule(tickMs, tick);
    };
    this.machine.clock.schedule(random.integer(1, random.chance(0.2) ? 3_000 : 50), () => {
      if (kind === 'stream') return tick();
      line();
      wire.send({ kind: 'end', channel });
    });
  }
}
