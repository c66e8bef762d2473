/** Why an attempt or a link has ended, as far as the next attempt is concerned. */
export type FailureKind =
  /** The network, a proxy or the reflector does not work at present. */
  | 'fault'
  /** The reflector refuses the device: a repeated request would get the same answer for a while. */
  | 'refusal';

export interface BackOffSettings {
  /** Milliseconds. The first wait after a fault is at most this long. */
  readonly minMs: number;
  /** Milliseconds; no wait after a fault is longer, unless the reflector asks for it. */
  readonly maxMs: number;
  /** Milliseconds, at least `maxMs`; no wait after a refusal is longer, unless the reflector asks for it. */
  readonly refusedMaxMs: number;
}

/** A link that has lasted this long, or `maxMs` if that is less, starts the back-off anew. */
const LASTING_MS = 60_000;

/** The same where the reflector has said that it goes away: it drains, or is restarted, and has not failed. */
const LED_AWAY_MS = 5_000;

/** The longest wait that a reflector may ask for with `Retry-After`. */
const MAX_ASKED_MS = 3_600_000;

/**
 * Full-jitter exponential back-off: after a fault uniformly from 0 to a ceiling, which starts at `minMs` and doubles
 * up to `maxMs`, so that a fleet that lost its reflector in one moment does not come back in one. After a refusal the
 * ceiling starts at an eighth of `maxMs`, doubles up to `refusedMaxMs`, and the wait is at least half of it.
 */
export class BackOff {
  #faults = 0;
  #refusals = 0;

  /**
   * A link has ended that was live for `liveMs` milliseconds. One that another agent has replaced (a refusal) is no
   * reason to start anew, however long it has lasted: two devices with one identity would evict each other for ever.
   * `ledAway`: the reflector has said that it goes away.
   */
  linkEnded(liveMs: number, kind: FailureKind, settings: BackOffSettings, ledAway = false): void {
    const lastingMs = Math.min(ledAway ? LED_AWAY_MS : LASTING_MS, settings.maxMs);
    if (kind === 'fault' && liveMs >= lastingMs) this.reset();
  }

  /** The machine has come to another network, where what failed before may work; a refusal stays one. */
  newNetwork(): void {
    this.#faults = 0;
  }

  /** Starts anew, as requested. */
  reset(): void {
    this.#faults = 0;
    this.#refusals = 0;
  }

  /**
   * Milliseconds to wait before the next attempt. `random` is uniform in [0, 1). `retryAfterMs` is what the reflector
   * asked for (RFC 9110 section 10.2.3): at least that long is waited, with as much again of jitter at most.
   */
  next(
    kind: FailureKind,
    settings: BackOffSettings,
    random: number,
    retryAfterMs: number | null = null,
  ): number {
    const { minMs, maxMs, refusedMaxMs } = settings;
    let wait: number;
    if (kind === 'refusal') {
      const ceiling = Math.min(
        refusedMaxMs,
        Math.max(minMs, maxMs / 8) * (1 << Math.min(this.#refusals++, 24)),
      );
      wait = ceiling * (0.5 + random / 2);
    } else {
      wait = Math.min(maxMs, minMs * (1 << Math.min(this.#faults++, 24))) * random;
    }
    return retryAfterMs === null ? wait : Math.max(wait, Math.min(retryAfterMs, MAX_ASKED_MS) * (1 + random));
  }
}
