import { createHmac } from 'node:crypto';
import { OneUseTokens } from 'rm-reflector';
import type { Identity, KnownUsers, Session, SharedCounter, UserRecord } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { Shared } from '../part.ts';
import type { TicketFor, TicketOffice, Tickets, TicketUse } from './tickets.ts';

interface Payload extends Omit<TicketFor, 'identity'> {
  /** In the books of the process that has issued it. */
  readonly place: string;
  readonly user: string;
  readonly account: string;
  readonly session: (Omit<Session, 'user' | 'hash'> & { readonly hash: string }) | null;
  /** `null`: infinite. */
  readonly until: number | null;
  readonly identity: Omit<Identity, 'user' | 'session' | 'until'>;
}

/**
 * Tickets that any process of an installation takes: the page may be made by one, and its connection reach another. A ticket says itself
 * what it is for; how many a user may have is counted by the process that issues them.
 */
export class SharedTickets implements TicketOffice {
  readonly bytes: number;
  readonly #tokens: OneUseTokens;
  readonly #books: Tickets;
  readonly #known: KnownUsers;
  readonly #key: Buffer;
  readonly #placeMs: number;
  /** Of the places of other processes, those that are free again. */
  readonly #freed: SharedCounter;

  constructor(
    { state, key }: Shared,
    books: Tickets,
    known: KnownUsers,
    limits: Pick<Limits, 'sharedTicketBytes' | 'tickets' | 'ticketMs'>,
  ) {
    this.bytes = limits.sharedTicketBytes;
    this.#tokens = new OneUseTokens(state, key, 'ticket', { ms: limits.ticketMs, used: limits.tickets });
    this.#books = books;
    this.#known = known;
    this.#key = createHmac('sha256', key).update('account of a ticket').digest();
    this.#placeMs = limits.ticketMs;
    this.#freed = state.counter('ticket-places', (place) => void books.free(place));
  }

  issue(what: TicketFor): string | null {
    const place = this.#books.issue(what);
    if (place === null) return null;
    const { identity, device, uid, domain, port, use, recorded } = what;
    const { user, session, until, ...rest } = identity;
    const payload: Payload = {
      ...{ device, uid, domain, port, use, recorded, place },
      user: user.name,
      account: this.#accountOf(user),
      session: session && withoutUser(session),
      until: Number.isFinite(until) ? until : null,
      identity: rest,
    };
    return this.#tokens.issue(Buffer.from(JSON.stringify(payload)));
  }

  async redeem(ticket: string, use: TicketUse): Promise<TicketFor | null> {
    const bytes = await this.#tokens.redeem(ticket);
    if (!bytes) return null;
    const payload = JSON.parse(bytes.toString()) as Payload;
    if (!this.#books.free(payload.place))
      this.#freed.add(payload.place, 1, { memoryMs: this.#placeMs, perMs: 0 });
    const user = await this.#known.user(payload.user);
    // The password was changed, or the user is another one by now.
    if (!user || this.#accountOf(user) !== payload.account || payload.use !== use) return null;
    const { device, uid, domain, port, recorded, until, identity } = payload;
    const session = payload.session && {
      ...payload.session,
      hash: Buffer.from(payload.session.hash, 'base64url'),
      user,
    };
    return {
      ...{ device, uid, domain, port, use, recorded },
      identity: { ...identity, user, session, until: until ?? Number.POSITIVE_INFINITY },
    };
  }

  /** Tells whether it is still the account that it was. The page can read it. */
  #accountOf({ uid, password, totpSecret }: UserRecord): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([uid, password, totpSecret?.toString('base64')]))
      .digest('base64url');
  }
}

function withoutUser({ user: _, hash, ...rest }: Session): Omit<Session, 'user' | 'hash'> & { hash: string } {
  return { ...rest, hash: hash.toString('base64url') };
}
