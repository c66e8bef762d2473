import { ProtocolError } from 'rm-protocol';
import type { ByteStream } from '../broker/broker-connection.ts';
import type { BrokerPort } from '../broker/broker-port.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { BackOff, type FailureKind } from '../dial/back-off.ts';
import { Deadline } from '../dial/deadline.ts';
import { NetworkChangeLimiter } from '../dial/network-change-limiter.ts';
import type { Cancellable, Host } from '../host.ts';
import type { Message } from './codec.ts';
import { mqttLimits } from './limits.ts';
import type { Session } from './session.ts';

export interface ClientEvents {
  /** Reads what the next attempt needs. `done` is called once, perhaps within the call. */
  prepare(
    done: (
      prepared:
        | {
            readonly settings: BrokerSettings;
            readonly session: Session;
            readonly will: () => Message | null;
          }
        | { readonly error: string },
    ) => void,
  ): Cancellable;
  connected(broker: string): void;
  /** There is no connection. `wasConnected`: there was one that the broker had accepted. */
  disconnected(reason: string, retryMs: number, wasConnected: boolean): void;
}

/** How much of the keep-alive time may pass before the broker is asked whether it is there. */
const ASK_AFTER = 0.75;

/** Keeps one session connected: dials, monitors the connection, and dials again. One timer serves all of it. */
export class Client {
  readonly #host: Host;
  readonly #port: BrokerPort;
  readonly #events: ClientEvents;
  readonly #deadline: Deadline;
  readonly #backOff = new BackOff();
  readonly #changeLimiter = new NetworkChangeLimiter();
  readonly #keepAliveMs: number;
  #watchedNetwork: Cancellable | null = null;
  #activity: Cancellable | null = null;
  #stream: ByteStream | null = null;
  #session: Session | null = null;
  #broker = '';
  #waiting = false;
  #connectedAt: number | null = null;
  #askAfterMs = 0;
  #sentAt = 0;
  #heardAt = 0;
  /** When the broker was asked for a sign of life that has not come yet. */
  #askedAt: number | null = null;
  /** Bytes that the host has not sent yet. */
  #unsent = 0;
  #paused = false;
  #stopped: (() => void) | null = null;

  /** `keepAlive` is in seconds. */
  constructor(host: Host, port: BrokerPort, keepAlive: number, events: ClientEvents) {
    this.#host = host;
    this.#port = port;
    this.#keepAliveMs = keepAlive * 1000;
    this.#events = events;
    this.#deadline = new Deadline(host.clock);
  }

  start(): void {
    this.#watchedNetwork = this.#host.network.onChange(
      () => this.#networkChanged(),
      () => undefined,
    );
    this.#prepare();
  }

  /** Dials at once if the client waits. */
  retry(): void {
    if (!this.#waiting) return;
    this.#backOff.reset();
    this.#prepare();
  }

  /** Takes leave once the broker has acknowledged what was published, or after 2 s; then calls `done`. */
  stop(done: () => void): void {
    this.#stopped = done;
    this.#watchedNetwork?.cancel();
    if (this.#connectedAt === null) this.#finish();
    else {
      this.#deadline.set(mqttLimits.lastMs, () => this.#finish());
      this.#checkStopped();
    }
  }

  #prepare(): void {
    this.#waiting = false;
    this.#deadline.clear();
    let within = true;
    const activity = this.#events.prepare((prepared) => {
      const go = () => {
        if ('error' in prepared) this.#lost(prepared.error, 'fault');
        else this.#dial(prepared.settings, prepared.session, prepared.will);
      };
      if (within) this.#activity = this.#host.clock.schedule(0, go);
      else go();
    });
    within = false;
    this.#activity ??= activity;
  }

  #dial(settings: BrokerSettings, session: Session, will: () => Message | null): void {
    this.#activity = this.#port.connect(settings, {
      opened: (stream, broker) => {
        this.#activity = null;
        this.#broker = broker;
        this.#opened(stream, session, { user: settings.user, password: settings.password, will: will() });
      },
      failed: (reason) => this.#lost(reason, 'fault'),
    });
  }

  #opened(stream: ByteStream, session: Session, login: Parameters<Session['open']>[1]): void {
    this.#stream = stream;
    this.#session = session;
    this.#unsent = 0;
    this.#paused = false;
    this.#askedAt = null;
    this.#heardAt = this.#host.clock.now();
    stream.deliverTo({
      data: (bytes, start, end) => {
        if (this.#stream !== stream) return;
        this.#heardAt = this.#host.clock.now();
        session.receive(bytes, start, end);
        this.#checkStopped();
      },
      sent: (count) => {
        this.#unsent += count;
        this.#regulate();
      },
      taken: (count) => {
        this.#unsent -= count;
        this.#regulate();
      },
      closed: (reason) => {
        if (this.#stream === stream) this.#lost(`${this.#broker}: ${reason}`, 'fault');
      },
    });
    this.#deadline.set(mqttLimits.answerMs, () =>
      this.#lost(`${this.#broker}: no answer to CONNECT`, 'fault'),
    );
    try {
      session.open((bytes) => this.#send(bytes), login);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lost(error.message, 'refusal');
    }
  }

  /** The broker has accepted the session; `keepAlive` is what it demands, in seconds, or `null`. */
  accepted(keepAlive: number | null): void {
    this.#connectedAt = this.#host.clock.now();
    this.#askAfterMs =
      ASK_AFTER * (keepAlive === null || keepAlive === 0 ? this.#keepAliveMs : keepAlive * 1000);
    this.#events.connected(this.#broker);
    this.#watch();
  }

  /** The session cannot use the connection any more. */
  failed(reason: string, kind: FailureKind): void {
    this.#lost(`${this.#broker}: ${reason}`, kind);
  }

  #send(bytes: Uint8Array): void {
    if (!this.#stream) return;
    this.#sentAt = this.#host.clock.now();
    this.#unsent += this.#stream.send(bytes);
    this.#regulate();
  }

  /** A broker that sends and does not read cannot fill the memory with our answers. */
  #regulate(): void {
    const pause = this.#unsent > mqttLimits.unsentBytes;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#stream?.pause();
    else this.#stream?.resume();
  }

  /** Asks a silent broker for a sign of life, and gives up one that gives none. */
  #watch(): void {
    const now = this.#host.clock.now();
    if (this.#stopped) return;
    if (this.#askedAt !== null && this.#heardAt >= this.#askedAt) this.#askedAt = null;
    const askAt = Math.min(this.#sentAt, this.#heardAt) + this.#askAfterMs;
    if (this.#askedAt === null && now >= askAt) {
      this.#session?.ping();
      this.#askedAt = now;
    }
    const dueAt = this.#askedAt === null ? askAt : this.#askedAt + mqttLimits.answerMs;
    if (now >= dueAt) this.#lost(`${this.#broker}: no answer to PINGREQ`, 'fault');
    else this.#deadline.set(Math.min(dueAt, this.#changeLimiter.dueAt ?? dueAt) - now, () => this.#review());
  }

  #review(): void {
    if (this.#changeLimiter.take(this.#host.clock.now()) && this.#askedAt === null) {
      this.#session?.ping();
      this.#askedAt = this.#host.clock.now();
    }
    this.#watch();
  }

  #networkChanged(): void {
    const now = this.#host.clock.now();
    this.#changeLimiter.changed(now, this.#random());
    const { dueAt } = this.#changeLimiter;
    if (this.#connectedAt !== null) this.#watch();
    else if (this.#waiting && dueAt !== null) {
      this.#deadline.set(dueAt - now, () => {
        this.#changeLimiter.take(this.#host.clock.now());
        this.#backOff.newNetwork();
        this.#prepare();
      });
    }
  }

  #lost(reason: string, kind: FailureKind): void {
    const now = this.#host.clock.now();
    const connectedAt = this.#connectedAt;
    this.#drop();
    if (this.#stopped) {
      this.#finish();
      return;
    }
    const settings = this.#port.backOff();
    this.#backOff.linkEnded(connectedAt === null ? 0 : now - connectedAt, kind, settings);
    const waitMs = this.#backOff.next(kind, settings, this.#random());
    this.#waiting = true;
    this.#deadline.set(waitMs, () => this.#prepare());
    this.#events.disconnected(reason, waitMs, connectedAt !== null);
  }

  #drop(): void {
    this.#deadline.clear();
    this.#activity?.cancel();
    this.#activity = null;
    this.#session?.closed();
    this.#stream?.destroy();
    this.#stream = null;
    this.#connectedAt = null;
  }

  #checkStopped(): void {
    if (this.#stopped && this.#session?.unacknowledged === 0) this.#finish();
  }

  #finish(): void {
    const done = this.#stopped;
    this.#stopped = null;
    const stream = this.#stream;
    if (this.#connectedAt !== null) {
      this.#session?.disconnect();
      this.#stream = null;
      stream?.end();
      // On a path that is dead, nobody would answer.
      this.#host.clock.schedule(mqttLimits.lastMs, () => stream?.destroy());
    }
    this.#waiting = false;
    this.#drop();
    done?.();
  }

  #random(): number {
    const bytes = new Uint8Array(4);
    this.#host.crypto.random(bytes);
    return new DataView(bytes.buffer).getUint32(0) / 0x1_0000_0000;
  }
}
