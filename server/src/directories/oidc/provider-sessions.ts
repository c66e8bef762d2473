import type { Tables } from '../../store/tables.ts';
import type { LogOut, ProvenPerson } from './provider.ts';

export interface SessionOrigin {
  readonly provider: string;
  readonly idToken: string | null;
}

/** Which sessions of browsers come from which sessions of providers. A row goes with its session. */
export class ProviderSessions {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async note(
    hash: Buffer,
    provider: string,
    { subject, session, idToken }: Pick<ProvenPerson, 'subject' | 'session' | 'idToken'>,
  ): Promise<void> {
    await this.#tables.run(
      `INSERT INTO fleet_oidc_sessions (hash, provider, subject, session, id_token) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (hash) DO UPDATE SET provider = excluded.provider, subject = excluded.subject,
         session = excluded.session, id_token = excluded.id_token`,
      hash,
      provider,
      subject,
      session,
      idToken,
    );
  }

  /** By which provider a session came; `null`: by none. */
  async originOf(hash: Buffer): Promise<SessionOrigin | null> {
    const row = await this.#tables.get<SessionOrigin>(
      'SELECT provider, id_token AS "idToken" FROM fleet_oidc_sessions WHERE hash = ?',
      hash,
    );
    return row ?? null;
  }

  /** Hashes of the sessions that this is about. */
  async of(provider: string, { subject, session }: LogOut): Promise<readonly Buffer[]> {
    const given = Object.entries({ subject, session }).filter(([, value]) => value !== null);
    if (given.length === 0) return [];
    const conditions = given.map(([column]) => ` AND ${column} = ?`);
    const rows = await this.#tables.all<{ readonly hash: Buffer }>(
      `SELECT hash FROM fleet_oidc_sessions WHERE provider = ?${conditions.join('')}`,
      provider,
      ...given.map(([, value]) => value),
    );
    return rows.map(({ hash }) => hash);
  }
}
