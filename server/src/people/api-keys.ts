import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import {
  type Authenticator,
  AuthenticatorUnavailable,
  type KnownUsers,
  StoreUnavailable,
} from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import { endedMember } from '../rights/fleet-rights.ts';
import type { Permission } from '../rights/permission.ts';
import type { KeyTarget } from '../rights/scope.ts';
import { hinted } from '../store/hinted.ts';
import { all, get, run, type Tables } from '../store/tables.ts';

export interface ApiKey {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** `null`: whatever its user may. */
  readonly targets: readonly KeyTarget[] | null;
  readonly created: number;
  /** Wall-clock ms; `null`: it does not expire. */
  readonly expires: number | null;
  /** When and where from it was last used, to a minute. */
  readonly used: number | null;
  readonly address: string | null;
}

export type NewApiKey = Pick<ApiKey, 'user' | 'name' | 'permissions' | 'targets' | 'expires'>;

interface Row extends Omit<ApiKey, 'permissions' | 'targets'> {
  readonly permissions: string;
  readonly targets: string | null;
}

/** By which a key is recognized, also by those who search sources for secrets. */
export const keyPrefix = 'rmk_';

const columns = 'id, "user", name, permissions, targets, created, expires, used, address';

function keyOf(row: Row): ApiKey {
  return {
    ...row,
    permissions: JSON.parse(row.permissions) as Permission[],
    targets: row.targets === null ? null : (JSON.parse(row.targets) as KeyTarget[]),
  };
}

/** 256 random bits need no slow hash. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Keys by which programs call the API, each for one user. The secret is shown once; the store has its hash. */
export class ApiKeys {
  readonly #tables: Tables;
  readonly #known: KnownUsers;
  readonly #clock: Clock;
  /** When the use of a key was last noted, by its ID. */
  readonly #noted: LRUCache<string, number>;
  readonly #limits: Pick<Limits, 'keysPerUser' | 'keyUseMs'>;

  constructor(
    tables: Tables,
    known: KnownUsers,
    clock: Clock,
    limits: Pick<Limits, 'keysPerUser' | 'keyUseMs' | 'callers'>,
  ) {
    this.#tables = tables;
    this.#known = known;
    this.#clock = clock;
    this.#limits = limits;
    this.#noted = new LRUCache({ max: limits.callers });
  }

  async get(id: string): Promise<ApiKey | null> {
    const row = await this.#tables.get<Row>(`SELECT ${columns} FROM fleet_keys WHERE id = ?`, id);
    return row ? keyOf(row) : null;
  }

  /** Of one user (`null`: of all), by ID, those after `after`. */
  async page(user: string | null, after: string, limit: number): Promise<ApiKey[]> {
    const rows = await this.#tables.read<Row>(
      `SELECT ${columns} FROM fleet_keys WHERE id > ? AND (CAST(? AS TEXT) IS NULL OR "user" = ?) ORDER BY id LIMIT ?`,
      after,
      user,
      user,
      limit,
    );
    return rows.map(keyOf);
  }

  /**
   * `by`: ID of the key by which it is made. `taken`: the user has a key of this name; `full`: `limits.keysPerUser`; `revoked`: there is no
   * key `by` any more.
   */
  async add(
    key: NewApiKey,
    by?: string,
  ): Promise<{ readonly key: ApiKey; readonly secret: string } | 'taken' | 'full' | 'revoked'> {
    const secret = `${keyPrefix}${randomBytes(32).toString('base64url')}`;
    const added: ApiKey = {
      ...key,
      id: randomUUID(),
      created: this.#clock.date(),
      used: null,
      address: null,
    };
    const { keysPerUser } = this.#limits;
    const outcome = await this.#tables.transact(function* () {
      if (by !== undefined && !(yield* get('SELECT 1 FROM fleet_keys WHERE id = ?', by))) return 'revoked';
      const names = yield* all<{ name: string }>('SELECT name FROM fleet_keys WHERE "user" = ?', key.user);
      if (names.some(({ name }) => name === key.name)) return 'taken';
      if (names.length >= keysPerUser) return 'full';
      yield* run(
        `INSERT INTO fleet_keys (id, "user", name, hash, permissions, targets, created, expires)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        added.id,
        added.user,
        added.name,
        digest(secret),
        JSON.stringify(added.permissions),
        added.targets === null ? null : JSON.stringify(added.targets),
        added.created,
        added.expires,
      );
      return null;
    });
    if (outcome !== null) return outcome;
    this.#known.changed({ kind: 'user', key: key.user });
    return { key: added, secret };
  }

  /** What goes on by it ends. */
  async revoke({ id, user }: ApiKey): Promise<void> {
    const change = this.#tables.run('DELETE FROM fleet_keys WHERE id = ?', id);
    await hinted(change, () => this.#known.changed({ kind: 'user', key: user }));
  }

  /** Proves the user of a key. */
  get authenticator(): Authenticator<'token'> {
    return {
      name: 'api-key',
      accepts: 'token',
      prove: async ({ token }, { address, clock }) => {
        if (!token.startsWith(keyPrefix)) return null;
        try {
          const select = `SELECT ${columns} FROM fleet_keys WHERE hash = ?`;
          const row = await this.#tables.get<Row>(select, digest(token));
          if (!row) return { refused: 'no such API key' };
          const key = keyOf(row);
          const until = key.expires ?? Number.POSITIVE_INFINITY;
          if (until <= clock.date()) return { refused: `the API key ${key.id} has expired` };
          const user = await this.#known.user(key.user);
          if (!user) return { refused: `the user of the API key ${key.id} is gone` };
          if (await this.#tables.get(endedMember, user.name)) {
            return { refused: `the directory does not vouch for the user of the API key ${key.id} now` };
          }
          await this.#noteUse(key, address);
          const opens = key.permissions.includes('devices.open');
          return { user, session: null, until, key: key.id, ...(opens ? {} : { only: 'own' as const }) };
        } catch (error) {
          if (error instanceof StoreUnavailable) throw new AuthenticatorUnavailable(error.message);
          throw error;
        }
      },
    };
  }

  /** At most once in `limits.keyUseMs`, so that reading costs no writing. */
  async #noteUse({ id }: ApiKey, address: string): Promise<void> {
    const now = this.#clock.date();
    const last = this.#noted.get(id);
    if (last !== undefined && now - last < this.#limits.keyUseMs) return;
    this.#noted.set(id, now);
    try {
      await this.#tables.run('UPDATE fleet_keys SET used = ?, address = ? WHERE id = ?', now, address, id);
    } catch (error) {
      // A full disk is no reason to refuse the call.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}
