import type Database from 'better-sqlite3';
import { StoreError } from 'rm-reflector/ports';
import { schema } from './schema/index.ts';

/**
 * Brings the tables of the server up to date, each part in its order, all in one transaction. Throws {@link StoreError} when
 * one of them was made by a newer server.
 */
export function migrate(database: Database.Database, parts = schema): void {
  database
    .transaction(() => {
      database
        .prepare(
          'CREATE TABLE IF NOT EXISTS fleet_schema (part TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
        )
        .run();
      const rows = database.prepare('SELECT part, version FROM fleet_schema').all() as Version[];
      const versions = new Map(rows.map(({ part, version }) => [part, version]));
      for (const [part, version] of versions) {
        const known = parts[part]?.length ?? 0;
        if (version > known) {
          throw new StoreError(
            `made by a newer rm-server (its "${part}" is of version ${version}, this one knows ${known})`,
          );
        }
      }
      const note = database.prepare('INSERT OR REPLACE INTO fleet_schema (part, version) VALUES (?, ?)');
      for (const [part, steps] of Object.entries(parts)) {
        const done = versions.get(part) ?? 0;
        if (done === steps.length) continue;
        for (const step of steps.slice(done)) database.exec(step);
        note.run(part, steps.length);
      }
    })
    .immediate();
}

interface Version {
  readonly part: string;
  readonly version: number;
}
