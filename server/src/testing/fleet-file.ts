import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };

/** A data file with the tables of the server, and the reflector's Store on it. Long queries run at once. */
export class FleetFile {
  readonly folder: string;
  readonly store: SqliteStore;
  readonly database: FleetDatabase;
  readonly clock = new ManualClock();

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'rm-server-file-'));
    const path = join(this.folder, 'server.sqlite');
    this.store = SqliteStore.open(path);
    this.database = new FleetDatabase(path, this.clock, defaultLimits);
    const database = this.database;
    database.read = async <Row>(sql: string, ...values: readonly unknown[]) =>
      database.prepare<Row>(sql).all(...values);
  }

  /** A claimed device; its `uid`. */
  async add(id: string, domain = 'acme', now = this.clock.date()): Promise<string> {
    await this.store.devices.add({ id, domain, secrets }, now, null);
    return (await this.store.devices.get(id))?.uid ?? '';
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.store.close();
    rmSync(this.folder, { recursive: true });
  }
}
