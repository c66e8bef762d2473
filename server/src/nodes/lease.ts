import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { NodeLimits } from './limits.ts';
import type { Identity, MembershipTable } from './membership-table.ts';

export interface LeaseOptions {
  readonly table: Pick<MembershipTable, 'join' | 'renew' | 'leave'>;
  readonly name: string;
  readonly address: string;
  readonly clock: Clock;
  readonly limits: Pick<NodeLimits, 'leaseMs' | 'renewMs' | 'retryMs'>;
  readonly log: Logger;
  /** Others may have noted the devices of this node off line. */
  readonly lapsed: () => void;
  /** Another process has taken the name. Called once; the lease never holds again. */
  readonly superseded: () => void;
  /** Somebody has said that this node takes no more devices. Called once. */
  readonly drain?: () => void;
}

/** How often a join is tried whose outcome is not known. */
const joinAttempts = 3;

/**
 * The right of this process to take devices. It is renewed by the database's clock alone; how long it holds at least is counted by the
 * monotonic clock of this machine from before each renewal.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #identity: Identity;
  #epoch = 0;
  #until = Number.NEGATIVE_INFINITY;
  #draining = false;
  #isSuperseded = false;
  #stopped = false;
  #timer: Cancellable | null = null;
  #renewing: Promise<void> = Promise.resolve();
  #toldOver = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    const { name, address } = options;
    this.#identity = { name, address, instance: randomUUID() };
  }

  get name(): string {
    return this.#identity.name;
  }

  /** 0 before {@link join}. */
  get epoch(): number {
    return this.#epoch;
  }

  /** This process may take devices. */
  get holds(): boolean {
    return !this.#isSuperseded && !this.#stopped && this.#options.clock.now() < this.#until;
  }

  /** Somebody has said that it takes no more devices. */
  get draining(): boolean {
    return this.#draining;
  }

  get isSuperseded(): boolean {
    return this.#isSuperseded;
  }

  /** Takes the name, also from a living process. Rejects with `StoreUnavailable`. */
  async join(): Promise<void> {
    const { table, clock, limits } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const began = clock.now();
      try {
        this.#epoch = await table.join(this.#identity);
        this.#until = began + limits.leaseMs;
        this.#schedule(limits.renewMs);
        return;
      } catch (error) {
        // It may be done: the same instance asks again.
        const isUnknown = error instanceof StoreUnavailable && error.code === 'UNKNOWN';
        if (!isUnknown || attempt === joinAttempts) throw error;
      }
    }
  }

  /** Renews at once. Resolves when it is known what has become of it. */
  renew(): Promise<void> {
    this.#timer?.cancel();
    this.#renewing = this.#renewing.then(() => this.#renew());
    return this.#renewing;
  }

  /** Ends the renewals. Whoever has told that all devices are gone leaves besides. */
  async stop({ leave }: { readonly leave: boolean }): Promise<void> {
    const { table, log } = this.#options;
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#renewing;
    if (!leave || this.#epoch === 0 || this.#isSuperseded) return;
    await table.leave(this.#epoch).catch((error) => {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn(`the node ${this.name} could not leave: ${error.message}; its lease ends by itself`);
    });
  }

  #schedule(ms: number): void {
    if (this.#stopped || this.#isSuperseded) return;
    this.#timer = this.#options.clock.schedule(ms, () => void this.renew());
  }

  async #renew(): Promise<void> {
    if (this.#stopped || this.#isSuperseded) return;
    const { table, clock, limits, log, lapsed, superseded, drain } = this.#options;
    const began = clock.now();
    let next = limits.renewMs;
    try {
      const renewal = await table.renew(this.#identity, this.#epoch);
      if (renewal.state === 'superseded') {
        this.#isSuperseded = true;
        log.error(`another process has taken the name of the node ${this.name}: this one ends`);
        superseded();
        return;
      }
      this.#until = began + limits.leaseMs;
      const isDrained = renewal.draining && !this.#draining;
      this.#draining = renewal.draining;
      if (this.#toldOver) log.warn(`the node ${this.name} has its lease again, and takes devices`);
      this.#toldOver = false;
      if (renewal.lapsed) lapsed();
      if (isDrained) drain?.();
    } catch (error) {
      next = limits.retryMs;
      if (!(error instanceof StoreUnavailable)) log.error({ err: error }, 'lease not renewed');
      if (!this.holds && !this.#toldOver) {
        this.#toldOver = true;
        log.warn(`the node ${this.name} cannot renew its lease: it takes no devices; those that it has stay`);
      }
    }
    this.#schedule(next);
  }
}
