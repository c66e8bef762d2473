import { defaultLimits } from '../src/config/limits.ts';
import type { BackOffSettings, FailureKind } from '../src/dial/back-off.ts';
import { dialService } from '../src/dial/dial-service.ts';
import type { AttemptSettings } from '../src/link/attempt-settings.ts';
import { Link } from '../src/link/link.ts';
import type { LinkState } from '../src/link/states.ts';
import type { ForwardedPort } from '../src/tunnel/forwarded-port.ts';
import { Tunnel } from '../src/tunnel/tunnel.ts';
import { attemptSettingsFor } from './attempt-settings.ts';
import { SimulatedHost } from './host.ts';
import { SimulatedReflector } from './reflector.ts';

export const LINK_ADDRESS = '192.0.2.1';

export interface LinkStageOptions {
  readonly seed?: number;
  readonly keepAliveMs?: number;
  readonly backOff?: BackOffSettings;
  /** The reflector's URI; one with `https:` is answered too. */
  readonly uri?: string;
  readonly dial?: Partial<AttemptSettings>;
}

/** A link that dials the reflector `r.example` on a simulated network. */
export class LinkStage {
  readonly host: SimulatedHost;
  readonly reflector: SimulatedReflector;
  readonly link: Link;
  readonly services = new Map<number, ForwardedPort>();
  /** What `disconnected` was told, and `connecting`, `live` and `stopped`. */
  readonly events: string[] = [];
  readonly waits: (number | null)[] = [];
  readonly kinds: FailureKind[] = [];
  /** The keep-alive times of the links made, in milliseconds. */
  readonly keepAlives: number[] = [];
  prepareError: string | null = null;

  constructor(options: LinkStageOptions = {}) {
    const { keepAliveMs = 60_000, backOff = { minMs: 1000, maxMs: 300_000, refusedMaxMs: 3_600_000 } } =
      options;
    this.host = new SimulatedHost(options.seed ?? 1);
    const { network, clock, crypto } = this.host;
    network.names.set('r.example', [LINK_ADDRESS]);
    this.reflector = new SimulatedReflector(network, LINK_ADDRESS, 80);
    network.listen(
      LINK_ADDRESS,
      443,
      (socket) => this.reflector.take(socket),
      () => ({ version: 'TLSv1.3', cipher: 'x', publicKeyDigest: new Uint8Array(32) }),
    );
    this.services.set(80, {
      port: 80,
      dial: dialService(this.host, { host: '127.0.0.1', port: 80 }, null, 8),
    });
    this.link = new Link(this.host, {
      prepare: (done) =>
        clock.schedule(0, () =>
          done(
            this.prepareError === null
              ? attemptSettingsFor(options.uri ?? 'http://r.example/', options.dial)
              : { error: this.prepareError },
          ),
        ),
      backOff: () => backOff,
      connecting: () => this.events.push('connecting'),
      step: () => undefined,
      live: ({ socket }, keepAlive, ended) => {
        const tunnel = new Tunnel({
          socket,
          clock,
          crypto,
          limits: defaultLimits,
          services: this.services,
          timeouts: { connectMs: 10_000, localMs: 7_200_000 },
          extension: null,
          events: {
            opened: () => undefined,
            closed: () => undefined,
            refused: () => undefined,
            failed: () => undefined,
          },
          ended,
        });
        this.keepAlives.push(keepAlive(keepAliveMs));
        return { tunnel, keepAliveMs: this.keepAlives.at(-1) ?? 0, announce: () => this.events.push('live') };
      },
      disconnected: (reason, kind, retryMs) => {
        this.events.push(reason);
        this.kinds.push(kind);
        this.waits.push(retryMs);
      },
      stopped: () => this.events.push('stopped'),
      unwatched: ({ message }) => this.events.push(`unwatched: ${message}`),
    });
  }

  run(ms: number): void {
    this.host.clock.advance(ms);
  }

  /** Lets time pass until the link is in this state; returns how long that took. */
  until(state: LinkState, limitMs?: number): number {
    return this.host.clock.until(`link is ${state}`, () => this.link.state === state, limitMs);
  }

  /** Starts the link and returns when it is live. */
  live(): this {
    this.link.start();
    this.until('live');
    this.run(100);
    return this;
  }
}
