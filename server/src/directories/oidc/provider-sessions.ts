import type { FleetDatabase } from '../../store/fleet-database.ts';
import type { LogOut } from './provider.ts';

/** Which sessions of browsers come from which sessions of providers. A row goes with its session. */
export class ProviderSessions {
  readonly #database: Pick<FleetDatabase, 'prepare'>;

  constructor(database: Pick<FleetDatabase, 'prepare'>) {
    this.#database = database;
  }

  async note(hash: Buffer, provider: string, subject: string, session: string | null): Promise<void> {
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO fleet_oidc_sessions (hash, provider, subject, session) VALUES (?, ?, ?, ?)',
      )
      .run(hash, provider, subject, session);
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
