import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { TunnelEnd } from '../ports/tunnel-end.ts';

/** A tunnel of this process. */
export interface DrainedTunnel {
  readonly tunnel: {
    /** What users have open. */
    readonly channels: number;
    close(code: number, end: TunnelEnd): void;
  };
}

/** As the close code of RFC 6455 section 7.4.1: agents dial again at once. */
export const goingAway = 1001;

export const drained: TunnelEnd = {
  cause: 'stopped',
  reason: 'the reflector makes room for another: dial again',
};

/** Between two looks at what is left, in milliseconds. */
const longestStepMs = 1_000;
const shortestStepMs = 50;

/**
 * Leads the devices of this process to another one. From the start on no new tunnel is let in, and `/healthz` says so. The tunnels
 * are closed evenly, so that the others do not take all devices at once; those that carry nothing go first. That leaves out
 * `limits.drainNoticeMs` of the window (a quarter at most): at its beginning, for load balancers to see `/healthz`; or at its end,
 * where devices that dial again are redirected, for the last ones to do so.
 */
export class Draining {
  readonly #limits: Pick<Limits, 'drainNoticeMs'>;
  readonly #clock: Clock;
  readonly #redirects: boolean;
  #active = false;
  #step: Cancellable | null = null;
  #gone: Promise<void> | null = null;
  #resolve: () => void = () => {};

  /** `redirects`: this process itself tells devices where to go. */
  constructor(limits: Pick<Limits, 'drainNoticeMs'>, clock: Clock, redirects = false) {
    this.#redirects = redirects;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Devices are led away, or have been. */
  get active(): boolean {
    return this.#active;
  }

  /** Seconds after which a device that is refused may come again: by then it is led elsewhere. */
  get askedSeconds(): number {
    return Math.ceil(this.#limits.drainNoticeMs / 1000);
  }

  /**
   * Resolves when none of these tunnels is left, whoever is to be redirected has been, and load balancers have seen `/healthz`, which
   * leads users elsewhere, too; or after {@link stop}. `windowMs`: 0 closes all at once. The first call counts; later ones return what it
   * has returned. Throws a `RangeError` if `windowMs` is negative or no number.
   */
  start(tunnels: ReadonlyMap<string, DrainedTunnel>, windowMs: number): Promise<void> {
    if (!(windowMs >= 0 && windowMs <= Number.MAX_SAFE_INTEGER))
      throw new RangeError(`${windowMs}: not a window`);
    if (this.#gone) return this.#gone;
    this.#active = true;
    this.#gone = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { size } = tunnels;
    const noticeMs = Math.min(this.#limits.drainNoticeMs, windowMs / 4);
    const spreadMs = windowMs - noticeMs;
    const until = this.#clock.now() + (this.#redirects ? spreadMs : windowMs);
    const stepMs = spreadMs / Math.max(1, size);
    const step = () => {
      const leftMs = until - this.#clock.now();
      const early = leftMs > spreadMs;
      // Whatever the rounding, the last one has its turn at the end.
      const kept = leftMs > 0 && !early ? Math.ceil((size * leftMs) / spreadMs - 1e-6) : 0;
      if (!early) closeAllBut(tunnels, kept);
      if (tunnels.size === 0 && !early) {
        if (this.#redirects && noticeMs > 0) this.#step = this.#clock.schedule(noticeMs, () => this.stop());
        else this.stop();
        return;
      }
      const nextMs = early ? leftMs - spreadMs : Math.min(Math.max(shortestStepMs, stepMs), leftMs);
      this.#step = this.#clock.schedule(leftMs > 0 ? Math.min(nextMs, longestStepMs) : shortestStepMs, step);
    };
    step();
    return this.#gone;
  }

  /** Closes nothing more; new tunnels are still not let in. */
  stop(): void {
    this.#step?.cancel();
    this.#resolve();
  }
}

/** Those with the fewest channels go first. */
function closeAllBut(tunnels: ReadonlyMap<string, DrainedTunnel>, kept: number): void {
  if (tunnels.size <= kept) return;
  // Most are idle, and sorting thousands at each step would cost the others' time.
  for (const { tunnel } of tunnels.values()) {
    if (tunnel.channels === 0) tunnel.close(goingAway, drained);
    if (tunnels.size <= kept) return;
  }
  const busy = [...tunnels.values()].sort((one, other) => one.tunnel.channels - other.tunnel.channels);
  for (const { tunnel } of busy.slice(0, tunnels.size - kept)) tunnel.close(goingAway, drained);
}
