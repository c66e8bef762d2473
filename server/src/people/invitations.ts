import { createHash, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { all, get, run, type Tables, type Work } from '../store/tables.ts';
import type { Mail, Mailer } from './mailer.ts';
import type { People } from './people.ts';

export type Purpose = 'invitation' | 'reset';

interface Context {
  readonly database: Tables;
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

const selectUser = 'SELECT "user" FROM fleet_invitations WHERE hash = ? AND expires > ?';

function endAll(user: string): Work<number> {
  return run('UPDATE fleet_invitations SET expires = 0 WHERE "user" = ?', user);
}

/** Mails by which somebody sets a password: good once, for a time, and only the last one sent. */
export class Invitations {
  readonly #context: Context;
  #waiting = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Rejects when the mail could not be handed over: then it does not count, and former ones stay good. Nothing is sent when `most`
   * were within `limits.resetMs`.
   */
  async invite(user: string, purpose: Purpose, most = Number.POSITIVE_INFINITY): Promise<void> {
    const { people, mailer, page, mailOf } = this.#context;
    const row = await people.get(user);
    if (!row?.email || (await people.directoryOf(user)) !== null) return;
    const issued = await this.#issue(user, purpose, most);
    if (issued === null) return;
    const link = `${page}?${new URLSearchParams({ token: issued.secret })}`;
    try {
      await mailer.send(row.email, await mailOf(user, purpose, link));
    } catch (error) {
      await this.#withdraw(issued.secret);
      throw error;
    }
    await this.#end(issued.former);
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
    const row = await database.get<{ user: string }>(selectUser, digest(secret), clock.date());
    return row?.user ?? null;
  }

  /** Uses a secret up, and all others of its user. Of several calls at once one gets the user, the others `null`. */
  async redeem(secret: string): Promise<string | null> {
    const { database, clock } = this.#context;
    const now = clock.date();
    return database.transact(function* () {
      const row = yield* get<{ user: string }>(selectUser, digest(secret), now);
      if (!row) return null;
      // Those of the last hour still count for how many mails are sent.
      yield* endAll(row.user);
      return row.user;
    });
  }

  async #reset(text: string): Promise<void> {
    const { people, limits } = this.#context;
    const addressee = await people.addressee(text);
    if (addressee) await this.invite(addressee.name, 'reset', limits.resetsPerUser);
  }

  /** `former`: digests of those that were good until then. */
  async #issue(
    user: string,
    purpose: Purpose,
    most: number,
  ): Promise<{ readonly secret: string; readonly former: readonly Buffer[] } | null> {
    const { database, clock, limits } = this.#context;
    const secret = randomBytes(32).toString('base64url');
    const now = clock.date();
    const ms = purpose === 'invitation' ? limits.invitationMs : limits.resetMs;
    return database.transact(function* () {
      const sent = yield* get<{ count: number }>(
        'SELECT count(*) AS count FROM fleet_invitations WHERE "user" = ? AND created > ?',
        user,
        now - limits.resetMs,
      );
      if ((sent?.count ?? 0) >= most) return null;
      yield* run(
        'DELETE FROM fleet_invitations WHERE expires <= ? AND created <= ?',
        now,
        now - limits.resetMs,
      );
      const former = yield* all<{ hash: Buffer }>(
        'SELECT hash FROM fleet_invitations WHERE "user" = ? AND expires > ?',
        user,
        now,
      );
      yield* run(
        'INSERT INTO fleet_invitations (hash, "user", purpose, created, expires) VALUES (?, ?, ?, ?, ?)',
        digest(secret),
        user,
        purpose,
        now,
        now + ms,
      );
      return { secret, former: former.map(({ hash }) => hash) };
    });
  }

  async #end(former: readonly Buffer[]): Promise<void> {
    await this.#context.database.transact(function* () {
      for (const hash of former) yield* run('UPDATE fleet_invitations SET expires = 0 WHERE hash = ?', hash);
    });
  }

  /** The mail has not gone. */
  async #withdraw(secret: string): Promise<void> {
    await this.#context.database.transact(() =>
      run('DELETE FROM fleet_invitations WHERE hash = ?', digest(secret)),
    );
  }
}
