import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { StoreCache } from '../cache/store-cache.ts';
import type { Limits } from '../limits.ts';
import type { HostPlace, Session } from '../ports/identity.ts';
import type { SessionRecord, Store, UserRecord } from '../ports/store.ts';

/*
 * A session is what stands in for a password after log-in: a cookie on the reflector's own host (`own`), a cookie on the
 * host of one device (`device`, which ends with the `own` one it came from), or a program's token (`token`).
 *
 *   sessions.create(user, { kind: 'own', address, agent })                      -> { secret, session }
 *   sessions.create(user, { kind: 'device', device: id, parent, address, agent })  (parent: a Session of kind own)
 *   sessions.find(secret, { kind: 'own' })  /  find(secret, { kind: 'device', device: id })   -> Session | null
 *   sessions.present(session)      the session as it is now; notes its use
 *   sessions.holdsUntil(session)   when it ends unless it is used; does not count as use
 *   sessions.end(session), sessions.endAll(userName), sessions.list(userName)
 *
 * The secret has 256 random bits and is only in the cookie; the store has its SHA-256. The look-up compares digests, whose
 * prefix nobody can choose, so its time tells nothing about the secret. A session ends as soon as its user has another
 * password or is removed, whoever has changed that, and even if its row is still there.
 */

/** Which sessions a secret may open here. */
export type SessionPlace = HostPlace | { readonly kind: 'token' };

export type NewSession = {
  /** Where it is opened from, and by which program; shown to the user. */
  readonly address: string;
  readonly agent: string;
} & (
  | { readonly kind: 'own' }
  | { readonly kind: 'token'; readonly lifetimeMs: number }
  | { readonly kind: 'device'; readonly device: string; readonly parent: Session }
);

export interface SessionLifetimes {
  /** From log-in, however much it is used; ms. */
  readonly absoluteMs: number;
  /** Since the last use; not for tokens; ms. */
  readonly idleMs: number;
}

/** What {@link Sessions} works on. */
export interface SessionSources {
  readonly store: Pick<Store, 'users' | 'sessions'>;
  readonly cache: Pick<StoreCache, 'user' | 'session' | 'forgetSession' | 'forgetUser' | 'touch'>;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'sessionsPerUser' | 'sessions' | 'sessionTouchMs'>;
  /** Writes now or later, without anybody waiting; replaces a write that waits under the same key. */
  later(key: string, write: () => Promise<void>): void;
}

/** All methods reject with `StoreUnavailable`. */
export class Sessions {
  readonly #sources: SessionSources;
  readonly lifetimes: SessionLifetimes;

  constructor(sources: SessionSources, lifetimes: SessionLifetimes) {
    this.#sources = sources;
    this.lifetimes = lifetimes;
  }

  /** `null` when the parent has gone, or the user is not as it was when this was decided (`SessionRecords.add`). */
  async create(
    user: UserRecord,
    facts: NewSession,
  ): Promise<{ readonly secret: string; readonly session: Session } | null> {
    const { store, clock, limits } = this.#sources;
    const { absoluteMs, idleMs } = this.lifetimes;
    const now = clock.date();
    const secret = randomBytes(32).toString('base64url');
    const parent = facts.kind === 'device' ? facts.parent : null;
    const record: SessionRecord = {
      hash: digest(secret),
      kind: facts.kind,
      user: user.name,
      fingerprint: fingerprintOf(user),
      device: facts.kind === 'device' ? facts.device : null,
      parent: parent?.hash ?? null,
      created: now,
      used: now,
      expires: parent?.expires ?? now + (facts.kind === 'token' ? facts.lifetimeMs : absoluteMs),
      address: facts.address,
      agent: facts.agent.slice(0, 200),
    };
    await store.sessions.removeExpired(now, now - idleMs);
    const bounds = { perUser: limits.sessionsPerUser, total: limits.sessions };
    if (!(await store.sessions.add(record, user, bounds))) return null;
    return { secret, session: present(record, user) };
  }

  /** The session that a secret opens at this place; `null`: none. Notes its use. */
  async find(secret: string, place: SessionPlace): Promise<Session | null> {
    // A secret has 43 characters; anything else costs no look-up.
    if (!/^[\w-]{43}$/.test(secret)) return null;
    return this.#use(await this.#look(digest(secret), place));
  }

  /** The session as it is now; `null`: it has ended. Notes its use. */
  async present(session: Pick<Session, 'hash' | 'kind' | 'device'>): Promise<Session | null> {
    return this.#use(await this.#look(session.hash, placeOf(session)));
  }

  /** When it ends unless it is used, wall-clock ms; `null`: it has ended. Does not count as use. */
  async holdsUntil(session: Session): Promise<number | null> {
    const found = await this.#look(session.hash, placeOf(session));
    return found && this.#end(found.record);
  }

  /** Ends it and its device sessions. False: it had ended before. */
  end(session: Session): Promise<boolean> {
    return this.#sources.store.sessions.remove(session.hash);
  }

  /** Ends all sessions and tokens of a user; returns how many. */
  endAll(user: string): Promise<number> {
    return this.#sources.store.sessions.removeAll(user);
  }

  /** The sessions of a user that have not ended, the last used first. */
  async list(name: string): Promise<Session[]> {
    const { store, limits } = this.#sources;
    const user = await store.users.get(name);
    if (!user) return [];
    const records = await store.sessions.list(name, kinds * limits.sessionsPerUser);
    return records.filter((record) => this.#holds(record, user)).map((record) => present(record, user));
  }

  async #look(hash: Buffer, place: SessionPlace): Promise<Found | null> {
    const { cache } = this.#sources;
    const record = await cache.session(hash);
    if (record?.kind !== place.kind) return null;
    if (place.kind === 'device' && record.device !== place.device) return null;
    const user = await cache.user(record.user);
    if (user && this.#holds(record, user)) return { record, user };
    // Another process may have used it or opened it again, so only the store decides.
    cache.forgetSession(hash);
    const again = await cache.session(hash);
    // While the store is away this is not reached: other sessions of the user still count.
    cache.forgetUser(record.user);
    const userAgain = await cache.user(record.user);
    return again && userAgain && this.#holds(again, userAgain) ? { record: again, user: userAgain } : null;
  }

  /** Not every request is worth a write. */
  #use(found: Found | null): Session | null {
    if (!found) return null;
    const { store, cache, clock, limits, later } = this.#sources;
    const { hash, parent, used } = found.record;
    const now = clock.date();
    if (now - used >= limits.sessionTouchMs) {
      cache.touch(hash, parent, now);
      later(`session ${hash.toString('hex')}`, () => store.sessions.touch(hash, parent, now));
    }
    return present(found.record, found.user);
  }

  #holds(record: SessionRecord, user: UserRecord): boolean {
    return this.#end(record) > this.#sources.clock.date() && record.fingerprint === fingerprintOf(user);
  }

  #end({ kind, used, expires }: SessionRecord): number {
    return kind === 'token' ? expires : Math.min(expires, used + this.lifetimes.idleMs);
  }
}

/** A session that has not ended, with its user. */
interface Found {
  readonly record: SessionRecord;
  readonly user: UserRecord;
}

/** `own`, `device` and `token`: each has its own bound. */
const kinds = 3;

function placeOf({ kind, device }: Pick<Session, 'kind' | 'device'>): SessionPlace {
  return kind === 'device' ? { kind, device: device ?? '' } : { kind };
}

function present(record: SessionRecord, user: UserRecord): Session {
  const { hash, kind, device, created, used, expires, address, agent } = record;
  return {
    id: hash.toString('hex', 0, 8),
    kind,
    user,
    device,
    created,
    used,
    expires,
    address,
    agent,
    hash: Buffer.from(hash),
  };
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** By user record, so that not every request computes one. */
const fingerprints = new WeakMap<UserRecord, string>();

/** Ties a session to the user's password at its opening, by the salted hash in the store. */
function fingerprintOf(user: UserRecord): string {
  let fingerprint = fingerprints.get(user);
  if (fingerprint === undefined) {
    fingerprint = createHash('sha256')
      .update(`password of ${user.name}: ${user.password}`)
      .digest('base64url');
    fingerprints.set(user, fingerprint);
  }
  return fingerprint;
}
