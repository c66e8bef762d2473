import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import type { Clock } from 'rm-protocol';
import { SqliteStore } from 'rm-reflector';
import { Members, type MembersContext } from '../directories/members/members.ts';
import { defaultLimits } from '../limits.ts';
import type { DirectoryGrants } from '../rights/directory-rights.ts';
import { FleetDatabase } from '../store/fleet-database.ts';

export interface MembersStage {
  readonly store: SqliteStore;
  readonly database: FleetDatabase;
  readonly members: Members;
  readonly context: MembersContext;
  /** What was given last, by `USER of SOURCE`. */
  readonly given: ReadonlyMap<string, DirectoryGrants> & { clear(): void };
  readonly log: Logger;
  readonly lines: readonly string[];
  close(): Promise<void>;
}

/** Members on a data file of their own. */
export function membersStage(clock: Clock): MembersStage {
  const folder = mkdtempSync(join(tmpdir(), 'rm-members-'));
  const path = join(folder, 'server.sqlite');
  const store = SqliteStore.open(path);
  const database = new FleetDatabase(path, clock, defaultLimits);
  const given = new Map<string, DirectoryGrants>();
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const context: MembersContext = {
    database,
    store,
    clock,
    log,
    rights: {
      set: async ({ name }, source, grants) => {
        given.set(`${name} of ${source}`, grants);
      },
    },
  };
  const members = new Members(context);
  const close = async () => {
    await database.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { store, database, members, context, given, log, lines, close };
}
