import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { DataFileLock } from './data-file-lock.ts';
import { SqliteStore } from './sqlite-store.ts';

/** The data file of a running reflector, off which other reflectors are kept. */
export class ServedDataFile {
  readonly #path: string;
  readonly #lock: DataFileLock | null;
  #store: SqliteStore | null = null;

  /** Throws `StoreError`. */
  constructor(path: string) {
    this.#path = path;
    this.#lock = path === ':memory:' ? null : DataFileLock.take(path);
  }

  /** Throws `StoreError`. */
  open(log: Logger): SqliteStore {
    this.#store = SqliteStore.open(this.#path, { warn: (text) => log.warn(text) });
    return this.#store;
  }

  /** As for `SqliteStore.realPath`, once it is open. */
  get realPath(): string | null {
    return this.#store?.realPath ?? null;
  }

  /** The start has waited for other processes that hold the file; a running reflector does not. */
  started(limits: Pick<Limits, 'storeBusyMs' | 'storeRetryMs'>, clock: Clock, log: Logger): void {
    this.#store?.watch({
      busyMs: limits.storeBusyMs,
      retryMs: limits.storeRetryMs,
      now: () => clock.now(),
      failed: (kind, error) =>
        log.error({ code: error.code }, `${error.message} (${kind}); it is tried again`),
      recovered: (kind) => log.warn(`the data file can be used again (${kind})`),
    });
    this.#lock?.keep((error) => {
      if (error)
        log.error(`the lock of the data file was deleted, and cannot be taken again: ${error.message}`);
      else log.warn('the lock of the data file was deleted; it was made and taken again');
    });
  }

  release(): void {
    this.#lock?.release();
  }
}
