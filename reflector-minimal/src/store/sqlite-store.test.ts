import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { storeConformance } from '../ports/conformance/store.ts';
import { Store } from './store.ts';

storeConformance('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-reflector-store-'));
  const path = join(folder, 'reflector.sqlite');
  const opened: Store[] = [];
  const open = () => {
    const store = Store.open(path);
    opened.push(store);
    let now = 0;
    // The clock goes on with each call, so that a failure is never remembered.
    store.watch({ busyMs: 1, retryMs: 1, now: () => ++now, failed: () => {}, recovered: () => {} });
    return store.port;
  };
  return {
    store: open(),
    openAgain: async () => open(),
    makeUnavailable: async () => {
      const holder = new Database(path);
      holder.exec('BEGIN EXCLUSIVE');
      return async () => {
        holder.close();
      };
    },
    end: async () => {
      for (const store of opened) store.close();
      rmSync(folder, { recursive: true });
    },
  };
});
