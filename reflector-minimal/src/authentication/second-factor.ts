import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import { recoveryHash } from '../one-time-password/recovery-codes.ts';
import { stepOfCode } from '../one-time-password/totp.ts';
import type { Store, UserRecord } from '../ports/store.ts';

interface Payload {
  readonly user: string;
  /** Wall-clock ms. */
  readonly until: number;
}

/**
 * The step after the right name and password of an account with one-time passwords: the code, or a recovery code. A browser
 * sends it in a second form. A signed, short-lived ticket proves that the first step was done.
 */
export class SecondFactor {
  readonly #users: Pick<Store['users'], 'get' | 'useTotpStep' | 'useRecoveryCode'>;
  readonly #clock: Clock;
  readonly #key: Buffer;
  readonly #ticketMs: number;

  constructor(
    users: Pick<Store['users'], 'get' | 'useTotpStep' | 'useRecoveryCode'>,
    clock: Clock,
    key: Buffer,
    ticketMs: number,
  ) {
    this.#users = users;
    this.#clock = clock;
    this.#key = key;
    this.#ticketMs = ticketMs;
  }

  /** Proves that this user has given name and password. */
  ticket(user: UserRecord): string {
    const payload: Payload = { user: user.name, until: this.#clock.date() + this.#ticketMs };
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${body}.${this.#mac(body, user).toString('base64url')}`;
  }

  /** The user of a valid ticket; `null`: it is not ours, expired, or from before another password or secret. */
  async userOf(ticket: string): Promise<UserRecord | null> {
    const [, body, mac] = /^([\w-]{1,400})\.([\w-]{43})$/.exec(ticket) ?? [];
    if (body === undefined || mac === undefined) return null;
    const user = await this.#users.get(this.#claimedUser(body));
    if (!user?.totpSecret) return null;
    if (!timingSafeEqual(this.#mac(body, user), Buffer.from(mac, 'base64url'))) return null;
    const { until } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Payload;
    return until > this.#clock.date() ? user : null;
  }

  /** Whether the code is right, and not used before; a right one is used up. False if the account was changed since `user`. */
  async accept(user: UserRecord, code: string): Promise<boolean> {
    if (!user.totpSecret) return false;
    const step = stepOfCode(user.totpSecret, code, this.#clock.date());
    if (step !== null) return this.#users.useTotpStep(user, step);
    return this.#users.useRecoveryCode(user, recoveryHash(code));
  }

  /** Before the ticket is verified. */
  #claimedUser(body: string): string {
    try {
      const { user } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Partial<Payload>;
      return typeof user === 'string' ? user : '';
    } catch {
      return '';
    }
  }

  #mac(body: string, { password, totpSecret }: UserRecord): Buffer {
    const tied = `${password} ${totpSecret?.toString('base64')}`;
    return createHmac('sha256', this.#key).update(`log-in ticket ${body} ${tied}`).digest();
  }
}
