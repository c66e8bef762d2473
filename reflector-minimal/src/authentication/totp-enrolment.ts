import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { UserRecord } from '../ports/store.ts';

interface Payload {
  /** Base64url. */
  readonly secret: string;
  /** Wall-clock ms. */
  readonly until: number;
}

/**
 * Tickets for setting up one-time passwords. A ticket holds the secret that the page shows, signed, so that only the user's
 * own page can bring it back: nobody can make a user accept a secret that somebody else knows.
 */
export class TotpEnrolment {
  readonly #clock: Clock;
  readonly #key: Buffer;
  readonly #ticketMs: number;

  constructor(clock: Clock, key: Buffer, ticketMs: number) {
    this.#clock = clock;
    this.#key = key;
    this.#ticketMs = ticketMs;
  }

  /** For a user who has just shown the present password. */
  ticket(user: UserRecord, secret: Buffer): string {
    const payload: Payload = {
      secret: secret.toString('base64url'),
      until: this.#clock.date() + this.#ticketMs,
    };
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${body}.${this.#mac(body, user).toString('base64url')}`;
  }

  /** The secret of a valid ticket; `null`: not this user's, expired, or from before another password or secret. */
  secretOf(ticket: string, user: UserRecord): Buffer | null {
    const [, body, mac] = /^([\w-]{1,400})\.([\w-]{43})$/.exec(ticket) ?? [];
    if (body === undefined || mac === undefined) return null;
    if (!timingSafeEqual(this.#mac(body, user), Buffer.from(mac, 'base64url'))) return null;
    const { secret, until } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Payload;
    return until > this.#clock.date() ? Buffer.from(secret, 'base64url') : null;
  }

  #mac(body: string, { uid, password, totpSecret }: UserRecord): Buffer {
    const tied = `${uid} ${password} ${totpSecret?.toString('base64')}`;
    return createHmac('sha256', this.#key).update(`enrolment ticket ${body} ${tied}`).digest();
  }
}
