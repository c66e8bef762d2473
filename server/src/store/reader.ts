import { Worker } from 'node:worker_threads';
import type { Cancellable, Clock } from 'rm-protocol';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { Query, QueryResult } from './reading-worker.ts';

interface Waiting {
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Cancellable;
}

/**
 * Queries that read much, beside the loop: a thread with a connection of its own runs them one after the other. It sees
 * what was committed before the query began.
 */
export class Reader {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'readsWaiting' | 'readMs'>;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #last = 0;
  #closed = false;

  constructor(path: string, clock: Clock, limits: Pick<Limits, 'readsWaiting' | 'readMs'>) {
    this.#path = path;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Queries that are not answered yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * All rows. `sql` is a constant with `?` for the values: the worker keeps it compiled. Rejects with `StoreUnavailable`
   * beyond `limits.readsWaiting` queries, after `limits.readMs`, and when the file cannot be read.
   */
  all(sql: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    if (this.#closed) return Promise.reject(unavailable('the server stops'));
    if (this.#waiting.size >= this.#limits.readsWaiting) {
      return Promise.reject(unavailable('too many queries wait'));
    }
    const worker = this.#start();
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.schedule(this.#limits.readMs, () => {
        // It cannot be interrupted: whatever waits behind it is asked for again.
        this.#fail(worker, unavailable(`a query took more than ${this.#limits.readMs / 1000} s`));
      });
      this.#waiting.set(id, { resolve, reject, timer });
      worker.postMessage({ id, sql, values } satisfies Query);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#end(unavailable('the server stops'));
    await worker?.terminate();
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(workerFile(), { workerData: { path: this.#path } });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (result: QueryResult) => this.#answered(result));
    worker.on('error', (error) => this.#fail(worker, unavailable(error.message)));
    worker.on('exit', () => this.#fail(worker, unavailable('the thread that reads has ended')));
    return worker;
  }

  #answered(result: QueryResult): void {
    const waiting = this.#waiting.get(result.id);
    if (!waiting) return;
    this.#waiting.delete(result.id);
    waiting.timer.cancel();
    if ('rows' in result) waiting.resolve(result.rows);
    else if (/^SQLITE_(?:BUSY|IOERR|FULL|CANTOPEN|CORRUPT|NOTADB|READONLY|LOCKED)/.test(result.code)) {
      waiting.reject(new StoreUnavailable(result.code, result.error));
    } else waiting.reject(new Error(result.error));
  }

  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#end(error);
    worker.terminate().catch(() => {});
  }

  #end(error: Error): void {
    this.#worker = null;
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel();
      reject(error);
    }
    this.#waiting.clear();
  }
}

function unavailable(reason: string): StoreUnavailable {
  return new StoreUnavailable('READ', reason);
}

/** The compiled file; the tests run the source, which a worker of Node 20 cannot load. */
function workerFile(): URL {
  const compiled = new URL('./reading-worker.js', import.meta.url);
  return import.meta.url.endsWith('.ts')
    ? new URL('../../dist/store/reading-worker.js', import.meta.url)
    : compiled;
}
