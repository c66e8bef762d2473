import { createHash, randomUUID } from 'node:crypto';
import { generatePassword } from 'rm-reflector';
import { get, run, type Tables, type Work } from '../store/tables.ts';

/** What lets devices enrol without a person. Times are wall-clock ms. */
export interface EnrolmentKey {
  readonly id: string;
  readonly name: string;
  /** Of the devices that enrol with it. */
  readonly domain: string;
  /** With which their IDs begin; lower case. */
  readonly prefix: string;
  /** Each device needs the approval of a person besides. */
  readonly approval: boolean;
  /** How many devices it is good for; `null`: any number. */
  readonly uses: number | null;
  readonly used: number;
  /** `null`: never. */
  readonly expires: number | null;
  readonly created: number;
  readonly createdBy: string;
  /** Of the user who has made it. */
  readonly createdByUid: string | null;
  readonly lastUsed: number | null;
}

export type NewKey = Pick<
  EnrolmentKey,
  'name' | 'domain' | 'prefix' | 'approval' | 'uses' | 'expires' | 'created' | 'createdBy' | 'createdByUid'
>;

interface Row {
  id: string;
  name: string;
  domain: string;
  prefix: string;
  approval: number;
  uses: number | null;
  used: number;
  expires: number | null;
  created: number;
  created_by: string;
  created_by_uid: string | null;
  last_used: number | null;
}

const columns =
  'id, name, domain, prefix, approval, uses, used, expires, created, created_by, created_by_uid, last_used';

/** What is stored of keys and secrets. They have 128 random bits at least, so one digest is enough. */
export function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const selectKey = `SELECT ${columns} FROM fleet_enrolment_keys`;

/** Enrolment keys in the store. What is decided and changed is a part of a transaction. */
export class EnrolmentKeys {
  readonly #database: Tables;

  constructor(database: Tables) {
    this.#database = database;
  }

  /** Of this domain. */
  *count(domain: string): Work<number> {
    const count = yield* get<{ n: number }>(
      'SELECT count(*) AS n FROM fleet_enrolment_keys WHERE domain = ?',
      domain,
    );
    return count?.n ?? 0;
  }

  /** The key's text is nowhere but in what this returns. */
  *create(key: NewKey): Work<{ readonly text: string; readonly key: EnrolmentKey }> {
    const text = `rme_${generatePassword()}`;
    const { name, domain, prefix, approval, uses, expires, created, createdBy, createdByUid } = key;
    const id = randomUUID();
    yield* run(
      `INSERT INTO fleet_enrolment_keys (id, hash, name, domain, prefix, approval, uses, expires, created, created_by,
         created_by_uid)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, digestOf(text), name, domain, prefix, approval ? 1 : 0],
      ...[uses, expires, created, createdBy, createdByUid],
    );
    return { text, key: { ...key, id, used: 0, lastUsed: null } };
  }

  /** The key with this text. */
  async find(text: string): Promise<EnrolmentKey | null> {
    const row = await this.#database.get<Row>(`${selectKey} WHERE hash = ?`, digestOf(text));
    return row ? shown(row) : null;
  }

  *get(id: string): Work<EnrolmentKey | null> {
    const row = yield* get<Row>(`${selectKey} WHERE id = ?`, id);
    return row ? shown(row) : null;
  }

  /** Of these domains, `null` for all, the newest first, behind `after`. */
  async list(
    domains: readonly string[] | null,
    after: { readonly created: number; readonly id: string } | null,
    limit: number,
  ): Promise<EnrolmentKey[]> {
    const rows = await this.#database.read<Row>(
      `${selectKey}
       WHERE (CAST(? AS TEXT) IS NULL OR domain IN (${this.#database.dialect.elements('?')})) AND (created, id) < (?, ?)
       ORDER BY created DESC, id DESC LIMIT ?`,
      domains && '',
      JSON.stringify(domains ?? []),
      after?.created ?? Number.MAX_SAFE_INTEGER,
      after?.id ?? '',
      limit,
    );
    return rows.map(shown);
  }

  /** Counts one device more; false when the key is used up, has expired, or is gone. */
  *use(id: string, now: number): Work<boolean> {
    const changes = yield* run(
      `UPDATE fleet_enrolment_keys SET used = used + 1, last_used = ?
       WHERE id = ? AND (uses IS NULL OR used < uses) AND (expires IS NULL OR expires > ?)`,
      ...[now, id, now],
    );
    return changes > 0;
  }

  /** Devices that have enrolled with it stay. */
  *revoke(id: string): Work<void> {
    yield* run('DELETE FROM fleet_enrolment_keys WHERE id = ?', id);
  }
}

function shown({
  approval,
  created_by: createdBy,
  created_by_uid: createdByUid,
  last_used: lastUsed,
  ...same
}: Row): EnrolmentKey {
  return { ...same, approval: approval === 1, createdBy, createdByUid, lastUsed };
}
