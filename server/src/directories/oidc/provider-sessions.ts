import type { FleetDatabase } from '../../store/fleet-database.ts';
import type { LogOut, ProvenPerson } from './provider.ts';

export interface SessionOrigin {
  readonly provider: string;
  readonly idToken: string | null;
}

/** Which sessions of browsers come from which sessions of providers. A row goes with its session. */
export class ProviderSessions {
  readonly #database: Pick<FleetDatabase, 'prepare'>;

  constructor(database: Pick<FleetDatabase, 'prepare'>) {
    this.#database = database;
  }

  async note(
    hash: Buffer,
    provider: string,
    { subject, session, idToken }: Pick<ProvenPerson, 'subject' | 'session' | 'idToken'>,
  ): Promise<void> {
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO fleet_oidc_sessions (hash, provider, subject, session, id_token)
         VALUES (?, ?, ?, ?, ?)`,
      )
      .run(hash, provider, subject, session, idToken);
  }

  /** By which provider a session came; `null`: by none. */
  async originOf(hash: Buffer): Promise<SessionOrigin | null> {
    const row = this.#database
      .prepare<SessionOrigin>('SELECT provider, id_token AS idToken FROM fleet_oidc_sessions WHERE hash = ?')
      .get(hash);
    return row ?? null;
  }

  /** Hashes of the sessions that this is about. */
  async of(provider: string, { subject, session }: LogOut): Promise<readonly Buffer[]> {
    const rows = this.#database
      .prepare<{ readonly hash: Buffer }>(
        `SELECT hash FROM fleet_oidc_sessions
         WHERE provider = @provider AND (@subject IS NOT NULL OR @session IS NOT NULL)
           AND (@subject IS NULL OR subject = @subject) AND (@session IS NULL OR session = @session)`,
      )
      .all({ provider, subject, session });
    return rows.map(({ hash }) => hash);
  }
}
