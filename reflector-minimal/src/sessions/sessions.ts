import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import { type SessionRecord, StoreUnavailable, type UserRecord } from '../ports/store.ts';
import type { Store } from '../store/store.ts';

/*
 * A session is what stands in for a password after log-in: a cookie on the reflector's own host (`own`), a cookie on the
 * host of one device (`device`, which ends with the `own` one it came from), or a program's token (`token`).
 *
 *   sessions.create(user, { kind: 'own', address, agent })                      -> { secret, session }
 *   sessions.create(user, { kind: 'device', device: id, parent, address, agent })  (parent: a Session of kind own)
 *   sessions.find(secret, { kind: 'own' })  /  find(secret, { kind: 'device', device: id })   -> Session | null
 *   sessions.present(session)   as it is now, its use noted
 *   sessions.holdsUntil(session)   until when it holds unless it is used; no use of it: what RevocationWatcher asks
 *   sessions.end(session), sessions.endAll(userName), sessions.list(userName)
 *
 * The secret has 256 random bits and is in the cookie alone; the store has its SHA-256. The look-up compares digests, of
 * which nobody can choose a prefix, so that its time tells nothing about the secret. Every session is void as soon as
 * its user has another password or is gone, whoever changed that and whether or not the row is still there.
 */

/** Which sessions a secret may open here. */
export type SessionPlace =
  | { readonly kind: 'own' | 'token' }
  | { readonly kind: 'device'; readonly device: string };

export type NewSession = {
  /** Where it is opened from, and by what: shown to the user. */
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

export class Sessions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly lifetimes: SessionLifetimes;

  constructor(store: Store, clock: Clock, limits: Limits, lifetimes: SessionLifetimes) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.lifetimes = lifetimes;
  }

  /** `null` when the parent has gone, or the user as it was when this was decided (`SessionTable.add`). */
  create(user: UserRecord, facts: NewSession): { readonly secret: string; readonly session: Session } | null {
    const { absoluteMs, idleMs } = this.lifetimes;
    const now = this.#clock.date();
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
    this.#store.sessions.removeExpired(now, now - idleMs);
    const { sessionsPerUser, sessions } = this.#limits;
    const bounds = { perUser: sessionsPerUser, total: sessions };
    if (!this.#store.sessions.add(record, user, bounds)) return null;
    return { secret, session: present(record, user) };
  }

  /** The session that a secret opens at this place, and notes its use; `null` when there is none. */
  find(secret: string, place: SessionPlace): Session | null {
    // 43 characters: anything else costs no look-up.
    if (!/^[\w-]{43}$/.test(secret)) return null;
    const found = this.#look(digest(secret), place);
    if (found) this.#noteUse(found.record);
    return found && present(found.record, found.user);
  }

  /** The session as it is now, its use noted; `null` when it has ended. */
  present(session: Session): Session | null {
    const found = this.#look(session.hash, placeOf(session));
    if (found) this.#noteUse(found.record);
    return found && present(found.record, found.user);
  }

  /** When it ends by itself if it is not used, wall-clock ms; `null` when it has ended. What asks this is no use of it. */
  holdsUntil(session: Session): number | null {
    const found = this.#look(session.hash, placeOf(session));
    return found && this.#end(found.record);
  }

  /** With the device sessions that hang on it. False when it had ended before. */
  end(session: Session): boolean {
    return this.#store.sessions.remove(session.hash);
  }

  /** All browsers and programs of a user; gives their number. */
  endAll(user: string): number {
    return this.#store.sessions.removeAll(user);
  }

  /** Those of a user that hold, the last used first. */
  list(name: string): Session[] {
    const user = this.#store.users.get(name);
    if (!user) return [];
    const records = this.#store.sessions.list(name).filter((record) => this.#holds(record, user));
    return records.map((record) => present(record, user));
  }

  #look(hash: Buffer, place: SessionPlace): { record: SessionRecord; user: UserRecord } | null {
    const record = this.#store.sessions.get(hash);
    if (record?.kind !== place.kind) return null;
    if (place.kind === 'device' && record.device !== place.device) return null;
    const user = this.#store.users.get(record.user);
    return user && this.#holds(record, user) ? { record, user } : null;
  }

  /** Not each request is worth a write. */
  #noteUse({ hash, parent, used }: SessionRecord): void {
    const now = this.#clock.date();
    if (now - used >= this.#limits.sessionTouchMs) this.#touch(hash, parent, now);
  }

  /** The use of a session that cannot be noted is no reason to refuse it. */
  #touch(hash: Buffer, parent: Buffer | null, now: number): void {
    try {
      this.#store.sessions.touch(hash, parent, now);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  #holds(record: SessionRecord, user: UserRecord): boolean {
    return this.#end(record) > this.#clock.date() && record.fingerprint === fingerprintOf(user);
  }

  #end({ kind, used, expires }: SessionRecord): number {
    return kind === 'token' ? expires : Math.min(expires, used + this.lifetimes.idleMs);
  }
}

function placeOf({ kind, device }: Session): SessionPlace {
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

/** Ties a session to the password it was opened under, by the stored hash, which is salted. */
function fingerprintOf(user: UserRecord): string {
  return createHash('sha256').update(`password of ${user.name}: ${user.password}`).digest('base64url');
}
