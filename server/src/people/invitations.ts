import { createHash, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import type { Mail, Mailer } from './mailer.ts';
import type { People } from './people.ts';

export type Purpose = 'invitation' | 'reset';

interface Context {
  readonly database: FleetDatabase;
  readonly people: People;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Pick<Limits, 'invitationMs' | 'resetMs' | 'resetsPerUser' | 'resetsWaiting'>;
  /** Address of the page where a password is set. */
  readonly page: string;
  /** What a mail to a user says, in their language: `subject` and `text`. */
  mailOf(user: string, purpose: Purpose, link: string): Promise<Mail>;
}

/** 256 random bits need no slow hash. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Mails by which somebody sets a password: good once, for a time, and only the last one sent. */
export class Invitations {
  readonly #context: Context;
  #waiting = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Rejects when the mail could not be handed over. */
  async invite(user: string, purpose: Purpose): Promise<void> {
    const { people, mailer, page, mailOf } = this.#context;
    const row = await people.get(user);
    if (!row?.email || (await people.directoryOf(user)) !== null) return;
    const secret = this.#issue(user, purpose);
    const link = `${page}?${new URLSearchParams({ token: secret })}`;
    await mailer.send(row.email, await mailOf(user, purpose, link));
  }

  /**
   * Sends a mail to whoever has this name or mail address, if there is such a user. Returns at once and tells nothing, so that
   * nobody finds out who has an account.
   */
  request(text: string): void {
    const { limits, log } = this.#context;
    if (this.#waiting >= limits.resetsWaiting) return;
    this.#waiting++;
    this.#reset(text)
      .catch((error) => log.warn({ err: error }, 'mail for another password was not sent'))
      .finally(() => {
        this.#waiting--;
      });
  }

  /** The user of a secret that is still good; `null`: it is not. */
  async userOf(secret: string): Promise<string | null> {
    const { database, clock } = this.#context;
    const row = database
      .prepare<{ user: string }>('SELECT user FROM fleet_invitations WHERE hash = ? AND expires > ?')
      .get(digest(secret), clock.date());
    return row?.user ?? null;
  }

  /** Uses a secret up, and all others of its user. Of several calls at once one gets the user, the others `null`. */
  async redeem(secret: string): Promise<string | null> {
    const { database, clock } = this.#context;
    return database.transaction(() => {
      const row = database
        .prepare<{ user: string }>('SELECT user FROM fleet_invitations WHERE hash = ? AND expires > ?')
        .get(digest(secret), clock.date());
      if (!row) return null;
      // Those of the last hour still count for how many mails are sent.
      database.prepare('UPDATE fleet_invitations SET expires = 0 WHERE user = ?').run(row.user);
      return row.user;
    });
  }

  async #reset(text: string): Promise<void> {
    const { people, database, clock, limits } = this.#context;
    const addressee = await people.addressee(text);
    if (!addressee) return;
    const { count } = database
      .prepare<{ count: number }>(
        'SELECT count(*) AS count FROM fleet_invitations WHERE user = ? AND created > ?',
      )
      .get(addressee.name, clock.date() - limits.resetMs) ?? { count: 0 };
    if (count < limits.resetsPerUser) await this.invite(addressee.name, 'reset');
  }

  #issue(user: string, purpose: Purpose): string {
    const { database, clock, limits } = this.#context;
    const secret = randomBytes(32).toString('base64url');
    const now = clock.date();
    const ms = purpose === 'invitation' ? limits.invitationMs : limits.resetMs;
    database.transaction(() => {
      database
        .prepare('DELETE FROM fleet_invitations WHERE expires <= ? AND created <= ?')
        .run(now, now - limits.resetMs);
      database.prepare('UPDATE fleet_invitations SET expires = 0 WHERE user = ?').run(user);
      database
        .prepare(
          'INSERT INTO fleet_invitations (hash, user, purpose, created, expires) VALUES (?, ?, ?, ?, ?)',
        )
        .run(digest(secret), user, purpose, now, now + ms);
    });
    return secret;
  }
}
