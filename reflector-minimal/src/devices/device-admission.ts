import type { Limits } from '../limits.ts';
import { networksOf } from '../network/addresses.ts';
import type { SharedState } from '../ports/shared-state.ts';
import { type Budget, FailureBudgets } from '../throttling/failure-budgets.ts';
import { TokenBucket } from '../throttling/token-bucket.ts';

/** A device whose password needs scrypt, before it is verified. */
export interface SlowArrival {
  readonly address: string;
  /** `uid` of the device that it claims to be, if that one was last let in from this network; else `null`. */
  readonly device: string | null;
}

/** A device that has proven who it is. */
export interface ProvenArrival {
  readonly address: string;
  readonly device: string;
}

/** A place in the queue of password verifications; to be given back once. */
export interface SlowPlace {
  /** `neither`: nothing was verified. `device`: the `uid` of the device that was let in. */
  end(outcome: 'letIn' | 'failed' | 'neither', now: number, device?: string): void;
}

/**
 * Limits how many devices are admitted at a time. After a restart the whole fleet comes back. Without a limit, more devices
 * would wait for verification than can be served; they would give up and come again, and none would get in
 * (`docs/fleet.md`). Devices whose password needs scrypt have a bucket of their own, so that neither they nor anybody who
 * guesses passwords delays the devices that need no scrypt.
 *
 * Guessing takes the places of devices whose password needs scrypt. So each network may fail only a few times a minute.
 * Nothing but failures counts: a fleet behind one address comes back as fast as any other. A device that comes from the
 * network of its last connection has a budget of its own, so that it gets in although somebody else there is guessing.
 *
 * A device that reconnects in a loop would take the places of all others. So while many devices come, each may come only
 * a few times a minute, and each network may bring only a limited number of devices that were connected shortly before. A
 * device's first connection counts for neither.
 */
export class DeviceAdmission {
  readonly #limits: Limits;
  readonly #all: TokenBucket;
  readonly #slow: TokenBucket;
  readonly #budgets: FailureBudgets;
  readonly #arrivals: FailureBudgets;

  /** `now`: monotonic ms, here and below. `shared`: failures count with those at other processes; `null`: there are none. */
  constructor(
    limits: Limits,
    now: number,
    shared: { readonly state: Pick<SharedState, 'counter'>; now(): number } | null = null,
  ) {
    this.#limits = limits;
    const { arrivalsRampMs: rampMs, arrivalsAskedMs: askedMs, arrivalsShareMs: shareMs } = limits;
    const all = {
      atOnce: limits.arrivalsAtOnce,
      perSecondAtStart: limits.arrivalsPerSecondAtStart,
      perSecond: limits.arrivalsPerSecond,
    };
    const slow = {
      atOnce: limits.slowArrivalsAtOnce,
      perSecondAtStart: limits.slowArrivalsPerSecondAtStart,
      perSecond: limits.slowArrivalsPerSecond,
    };
    this.#all = new TokenBucket({ ...all, rampMs, askedMs, shareMs }, now);
    this.#slow = new TokenBucket({ ...slow, rampMs, askedMs, shareMs }, now);
    this.#budgets = new FailureBudgets({
      periodMs: limits.slowFailuresMs,
      keys: limits.slowFailuresRemembered,
      share: shared && {
        counter: (learn) => shared.state.counter('device-failures', learn),
        now: () => shared.now(),
      },
    });
    this.#arrivals = new FailureBudgets({
      periodMs: limits.arrivalsPerDeviceMs,
      keys: limits.arrivalsRemembered,
      strict: true,
    });
  }

  /** Networks and devices whose failures are in memory. */
  get remembered(): number {
    return this.#budgets.size;
  }

  /** Devices and networks whose arrivals are in memory. */
  get arrivalsRemembered(): number {
    return this.#arrivals.size;
  }

  /** `null` admits the device; otherwise the seconds after which it is to come back. */
  admit({ address, device }: ProvenArrival, now: number): number | null {
    const [network] = networksOf(address);
    const own = this.#shareOf(device);
    const others = this.#shareOfReturning(network);
    const returns = this.#arrivals.counts(own, now);
    const wait = Math.max(this.#arrivals.wait(own, now), returns ? this.#arrivals.wait(others, now) : 0);
    if (wait > 0 && !this.#all.isQuiet(now)) return this.#seconds(wait);
    const asked = this.#all.admit(now, () => this.#budgets.position(network, now));
    if (asked !== null || wait > 0) return asked;
    if (returns) this.#arrivals.spend(others, now);
    this.#arrivals.spend(own, now);
    return null;
  }

  #shareOf(device: string): Budget {
    return { key: `device ${device}`, failures: this.#limits.arrivalsPerDevice };
  }

  #shareOfReturning(network: string): Budget {
    return { key: `network ${network}`, failures: this.#limits.arrivalsReturning };
  }

  #seconds(waitMs: number): number {
    return Math.ceil(Math.min(waitMs, this.#limits.arrivalsAskedMs) / 1000);
  }

  /** A place for a device that needs scrypt, or the seconds after which it is to come back. */
  admitSlow({ address, device }: SlowArrival, now: number): SlowPlace | number {
    const [narrow, wide] = networksOf(address);
    const { slowFailuresPerDevice, slowFailuresPerNetwork, slowFailuresPerSite } = this.#limits;
    const own = device === null ? null : this.#shareOf(device);
    const tooOften = own ? this.#arrivals.wait(own, now) : 0;
    if (tooOften > 0 && !(this.#slow.isQuiet(now) && this.#all.isQuiet(now))) return this.#seconds(tooOften);
    const share = tooOften > 0 ? null : own;
    const network: Budget[] = [{ key: narrow, failures: slowFailuresPerNetwork }];
    if (wide !== undefined) network.push({ key: wide, failures: slowFailuresPerSite });
    const beside: Budget[] = [{ key: `device ${device}`, failures: slowFailuresPerDevice }];
    const choices = device === null ? [network] : [beside, network];
    const waits = choices.map((budgets) =>
      Math.max(...budgets.map((budget) => this.#budgets.wait(budget, now))),
    );
    const budgets = choices[waits.indexOf(0)];
    if (!budgets) return this.#seconds(Math.min(...waits));
    const asked = this.#slow.admit(now, () => this.#budgets.position(narrow, now)) ?? this.#all.admit(now);
    if (asked !== null) return asked;
    for (const budget of budgets) this.#budgets.begin(budget, now);
    if (share) this.#arrivals.begin(share, now);
    return {
      end: (outcome, then, letIn) => {
        if (share) this.#arrivals.end(share, outcome === 'letIn', then);
        else if (!own && outcome === 'letIn' && letIn !== undefined)
          this.#arrivals.spend(this.#shareOf(letIn), then);
        for (const budget of budgets) this.#budgets.end(budget, outcome === 'failed', then);
      },
    };
  }
}
