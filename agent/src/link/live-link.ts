import { formatHttpUri } from 'rm-protocol';
import type { Clock } from '../host.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { Upgraded } from './attempt.ts';
import { Liveness } from './liveness.ts';

/** A tunnel over an upgraded connection, and what is known of its health. */
export class LiveLink {
  readonly tunnel: Tunnel;
  readonly #clock: Clock;
  readonly #connection: Upgraded;
  readonly #liveness: Liveness;
  readonly #since: number;

  /** `answers`: see {@link Liveness}. */
  constructor(clock: Clock, connection: Upgraded, tunnel: Tunnel, keepAliveMs: number, answers: boolean) {
    this.tunnel = tunnel;
    this.#clock = clock;
    this.#connection = connection;
    this.#since = clock.now();
    this.#liveness = new Liveness(keepAliveMs, this.#since, answers);
  }

  /** Passes the events of the socket to the tunnel from now on; `gone` is called when the connection has ended. */
  begin(gone: (reason: string) => void): void {
    const { early } = this.#connection;
    this.#connection.deliverTo({
      data: (bytes, start, end) => {
        this.#liveness.heard(this.#clock.now());
        this.tunnel.receive(bytes, start, end);
      },
      taken: (count) => this.tunnel.taken(count),
      ended: () => gone('connection closed by the reflector'),
      closed: (error) => gone(error?.message ?? 'connection closed'),
    });
    if (early.length > 0) this.tunnel.receive(early, 0, early.length);
  }

  /** The reflector, if it has answered a PING. */
  get answering(): string | null {
    return this.tunnel.outgoing.pongedAt === null ? null : formatHttpUri(this.#connection.uri);
  }

  get ageMs(): number {
    return this.#clock.now() - this.#since;
  }

  /** See {@link Liveness.idleMs}. */
  get idleMs(): number {
    return this.#liveness.idleMs(this.#clock.now(), this.tunnel.outgoing);
  }

  /** Checks the link, and sends a PING if one is due. Returns the milliseconds until the next check, or why it is dead. */
  check(): number | string {
    const now = this.#clock.now();
    if (this.tunnel.waitsForReader) this.#liveness.readingPaused(now);
    const verdict = this.#liveness.check(now, this.tunnel.outgoing);
    if ('dead' in verdict) return verdict.dead;
    if (verdict.ping) this.tunnel.ping();
    return verdict.inMs;
  }

  /** Checks a link that may have died just now. */
  probe(): number | string {
    this.#liveness.suspect();
    return this.check();
  }

  /** The tunnel has closed. */
  end(): void {
    this.#connection.socket.end();
  }

  destroy(): void {
    this.#connection.socket.destroy();
    this.tunnel.abandon();
  }
}
