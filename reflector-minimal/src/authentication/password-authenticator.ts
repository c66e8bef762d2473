import type { StoreCache } from '../cache/store-cache.ts';
import type { PasswordVerifier } from '../passwords/verifier.ts';
import type { Authenticator } from '../ports/authenticators.ts';
import type { Store, UserRecord } from '../ports/store.ts';

export interface PasswordSources {
  readonly users: Pick<Store['users'], 'get'>;
  readonly cache: Pick<StoreCache, 'user'>;
  readonly verifier: Pick<PasswordVerifier, 'verify' | 'remembers'>;
}

/** Name of the authenticator by the password in the store. */
export const ownPassword = 'password';

/**
 * Proves a user by the password in the store. A wrong one costs one scrypt, whether or not there is such a user: this is the
 * constant work of every log-in that is refused.
 */
export function passwordAuthenticator({
  users,
  cache,
  verifier,
}: PasswordSources): Authenticator<'password'> {
  /** A user whose requests each carry the password: nothing is read from the store. Memory lets in; it refuses nobody. */
  async function remembered(name: string, password: string): Promise<UserRecord | null> {
    const user = await cache.user(name);
    if (!user || user.totpSecret !== null) return null;
    return verifier.remembers({ kind: 'user', name, password }, user.password) ? user : null;
  }

  async function verified(name: string, password: string): Promise<UserRecord | null> {
    const user = await users.get(name);
    const valid = await verifier.verify({ kind: 'user', name, password }, user?.password ?? null);
    return valid ? user : null;
  }

  return {
    name: ownPassword,
    accepts: 'password',
    async prove({ name, password }) {
      const user = (await remembered(name, password)) ?? (await verified(name, password));
      return user
        ? { user, session: null, until: Number.POSITIVE_INFINITY }
        : { refused: 'unknown user or wrong password' };
    },
  };
}
