import { scryptSync } from 'node:crypto';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { LogIn } from '../authentication/log-in.ts';
import { passwordAuthenticator } from '../authentication/password-authenticator.ts';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import type { Authenticator } from '../ports/authenticators.ts';
import type { UserRecord } from '../ports/store.ts';
import { Sessions } from '../sessions/sessions.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { accountOf } from './account-of.ts';

/** Cheap to check: hashes name their own cost. */
export function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, 1);
  const derived = scryptSync(password, salt, 32, { N: 256, r: 4, p: 1 });
  return `scrypt:ln=8,r=4,p=1:${salt.toString('base64url')}:${derived.toString('base64url')}`;
}

const aliceHash = cheapHash('wonderland');

/** Alice, whose password is `wonderland`, and what proves her. */
export class MemoryUsers {
  readonly store = SqliteStore.open(':memory:');
  readonly clock = new ManualClock();
  readonly limits: Limits;
  readonly cache: StoreCache;
  readonly sessions: Sessions;
  readonly local: Authenticator<'password'>;
  readonly #verifier: PasswordVerifier;
  /** Passwords that were verified by scrypt. */
  hashed = 0;

  static async open(limits: Partial<Limits> = {}): Promise<MemoryUsers> {
    const users = new MemoryUsers(limits);
    await users.store.users.add('alice', aliceHash, 0, 'user');
    return users;
  }

  private constructor(limits: Partial<Limits>) {
    this.limits = { ...defaultLimits, ...limits };
    this.cache = new StoreCache(this.store, this.clock, this.limits);
    const { cache, clock } = this;
    const later = (_key: string, write: () => Promise<void>) => void write();
    this.sessions = new Sessions(
      { store: this.store, cache, clock, limits: this.limits, later },
      { absoluteMs: 3_600_000, idleMs: 3_600_000 },
    );
    const verifier = new PasswordVerifier(this.limits);
    this.#verifier = verifier;
    this.local = passwordAuthenticator({
      users: this.store.users,
      cache,
      verifier: {
        remembers: (claim, stored) => verifier.remembers(claim, stored),
        verify: (claim, stored) => {
          this.hashed++;
          return verifier.verify(claim, stored);
        },
      },
    });
  }

  /** As she is in the store now. */
  alice(): Promise<UserRecord> {
    return accountOf(this.store, 'alice');
  }

  logIn(...added: readonly Authenticator<'password'>[]): LogIn {
    return new LogIn({
      users: this.store.users,
      cache: this.cache,
      key: Buffer.alloc(32, 1),
      passwords: [this.local, ...added],
      verifier: this.#verifier,
      clock: this.clock,
      limits: this.limits,
    });
  }
}
