import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { Eventual, Identity } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';

/** What a ticket lets its bearer open, once. */
export interface TicketFor {
  readonly identity: Identity;
  /** ID of the device, its `uid`, and its domain. */
  readonly device: string;
  readonly uid: string;
  readonly domain: string;
  readonly port: number;
  /** `tcp`: the bytes of the connection; `ssh`: a terminal whose SSH ends at the server. */
  readonly use: TicketUse;
  /** Whether it is a terminal that is recorded. */
  readonly recorded: boolean;
}

export type TicketUse = 'tcp' | 'ssh';

/** One-use tickets for a TCP connection of a page that has no cookie of the user. */
export interface TicketOffice {
  /** Bytes that may come before a ticket is there: a few times one. */
  readonly bytes: number;
  /** `null`: this user, or all users together, have as many as they may that are not used. */
  issue(what: TicketFor): string | null;
  /**
   * What it is for; `null`: it is none of ours, or for another use, or was used, or has expired. Rejects with `StoreUnavailable` when it
   * cannot be told.
   */
  redeem(ticket: string, use: TicketUse): Eventual<TicketFor | null>;
}

interface Kept extends TicketFor {
  /** Milliseconds of the clock. */
  readonly until: number;
}

type TicketLimits = Pick<Limits, 'ticketMs' | 'tickets' | 'ticketsPerUser' | 'ticketBytes'>;

/** The tickets of one process. In memory: nobody wants one back after a restart. */
export class Tickets implements TicketOffice {
  readonly bytes: number;
  readonly #clock: Clock;
  readonly #limits: TicketLimits;
  /** By the hash of the ticket, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #perUser = new Map<string, number>();

  constructor(clock: Clock, limits: TicketLimits) {
    this.bytes = limits.ticketBytes;
    this.#clock = clock;
    this.#limits = limits;
  }

  issue(what: TicketFor): string | null {
    this.#forget();
    const user = what.identity.user.name;
    const held = this.#perUser.get(user) ?? 0;
    if (held >= this.#limits.ticketsPerUser || this.#kept.size >= this.#limits.tickets) return null;
    const ticket = randomBytes(24).toString('base64url');
    this.#kept.set(hashOf(ticket), { ...what, until: this.#clock.now() + this.#limits.ticketMs });
    this.#perUser.set(user, held + 1);
    return ticket;
  }

  redeem(ticket: string, use: TicketUse): TicketFor | null {
    this.#forget();
    const hash = hashOf(ticket);
    const kept = this.#kept.get(hash);
    if (!kept) return null;
    this.#drop(hash, kept);
    if (kept.use !== use) return null;
    const { until, ...what } = kept;
    return what;
  }

  /** Whether it was one of these, which is used up now. */
  free(ticket: string): boolean {
    const hash = hashOf(ticket);
    const kept = this.#kept.get(hash);
    if (kept) this.#drop(hash, kept);
    return kept !== undefined;
  }

  #forget(): void {
    const now = this.#clock.now();
    for (const [hash, kept] of this.#kept) {
      if (kept.until > now) return;
      this.#drop(hash, kept);
    }
  }

  #drop(hash: string, { identity }: Kept): void {
    this.#kept.delete(hash);
    const left = (this.#perUser.get(identity.user.name) ?? 1) - 1;
    if (left > 0) this.#perUser.set(identity.user.name, left);
    else this.#perUser.delete(identity.user.name);
  }
}

/** Looked up by hash: how long that takes tells nothing of a ticket. */
function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url');
}
