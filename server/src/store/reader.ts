import { Worker } from 'node:worker_threads';
import type { Cancellable, Clock } from 'rm-protocol';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import { workerFile } from '../worker-file.ts';
import type { Message, Query, QueryResult } from './reading-worker.ts';
import { UserQueues } from './user-queues.ts';

export type ReaderLimits = Pick<Limits, 'readsWaiting' | 'readMs' | 'readTexts' | 'readerStartMs'>;

interface Asked extends Omit<Query, 'id'> {
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Queries that read much, beside the loop: a thread with a connection of its own runs them one after the other. It sees
 * what was committed before the query began. The users for whom queries wait take turns, so that nobody waits for all
 * queries of another. Queries of nobody are short, and go first.
 */
export class Reader {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #limits: ReaderLimits;
  #thread: ReadingThread | null = null;
  #running: Asked | null = null;
  readonly #queues = new UserQueues<Asked>();
  #closed = false;

  constructor(path: string, clock: Clock, limits: ReaderLimits) {
    this.#path = path;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Queries that are not answered yet. */
  get waiting(): number {
    return this.#queues.length + (this.#running ? 1 : 0);
  }

  /**
   * All rows. `sql` has `?` for the values: the thread keeps it compiled. `user`: whose query it is; `''`: of nobody.
   * Rejects with `StoreUnavailable` when more than `limits.readsWaiting` queries wait and no other user has more of them, when
   * it takes more than `limits.readMs`, when the thread does not start within `limits.readerStartMs`, and when the file cannot be
   * read.
   */
  all(sql: string, values: readonly unknown[], user = ''): Promise<readonly unknown[]> {
    if (this.#closed) return Promise.reject(unavailable('the server stops'));
    if (this.waiting >= this.#limits.readsWaiting && !this.#makeRoom(user)) {
      return Promise.reject(unavailable('too many queries wait'));
    }
    return new Promise((resolve, reject) => {
      const asked = { sql, values, resolve, reject };
      this.#queues.add(user, asked);
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const reason = unavailable('the server stops');
    this.#rejectQueued(reason);
    await this.#thread?.end(reason);
    this.#thread = null;
  }

  /** Rejects the last query of the user who has most; false: that is this user. */
  #makeRoom(user: string): boolean {
    const last = this.#queues.makeRoom(user);
    last?.reject(unavailable('too many queries wait'));
    return last !== undefined;
  }

  #rejectQueued(reason: Error): void {
    for (const { reject } of this.#queues.clear()) reject(reason);
  }

  #next(): void {
    if (this.#running || this.#closed) return;
    const asked = this.#queues.next();
    if (!asked) return;
    this.#running = asked;
    const thread = this.#threadFor(asked.sql);
    thread
      .all(asked.sql, asked.values)
      .finally(() => {
        this.#running = null;
        // Each further query would wait for such a thread again.
        if (!thread.hasStarted) this.#rejectQueued(unavailable('the thread that reads did not start'));
        this.#next();
      })
      .then(asked.resolve, asked.reject);
  }

  /** A compiled query lasts as long as its thread (`LastingDatabase`), so one with too many of them is replaced. */
  #threadFor(sql: string): ReadingThread {
    const current = this.#thread;
    if (current && !current.ended) {
      if (current.keeps(sql) || current.kept < this.#limits.readTexts) return current;
      current.end(unavailable('the thread that reads has ended')).catch(() => {});
    }
    this.#thread = new ReadingThread(this.#path, this.#clock, this.#limits);
    return this.#thread;
  }
}

/** One thread, and the query that it runs. */
class ReadingThread {
  readonly #clock: Clock;
  readonly #limits: ReaderLimits;
  readonly #worker: Worker;
  readonly #texts = new Set<string>();
  #running: (Pick<Asked, 'resolve' | 'reject'> & { readonly id: number }) | null = null;
  /** That of the start, then that of the query. */
  #deadline: Cancellable | null;
  #hasStarted = false;
  #last = 0;
  #ended = false;

  constructor(path: string, clock: Clock, limits: ReaderLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#worker = new Worker(workerFile('store/reading-worker'), { workerData: { path } });
    this.#worker.unref();
    this.#deadline = clock.schedule(limits.readerStartMs, () => {
      this.#fail(`the thread that reads did not start within ${limits.readerStartMs / 1000} s`);
    });
    this.#worker.on('message', (message: Message) => {
      if (message === 'started') this.#started();
      else this.#answered(message);
    });
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.on('exit', () => this.#fail('the thread that reads has ended'));
  }

  get ended(): boolean {
    return this.#ended;
  }

  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** Queries that are compiled in it. */
  get kept(): number {
    return this.#texts.size;
  }

  keeps(sql: string): boolean {
    return this.#texts.has(sql);
  }

  /** Once at a time. */
  all(sql: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    this.#texts.add(sql);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#running = { id, resolve, reject };
      if (this.#hasStarted) this.#limitQuery();
      this.#worker.postMessage({ id, sql, values } satisfies Query);
    });
  }

  #limitQuery(): void {
    this.#deadline = this.#clock.schedule(this.#limits.readMs, () => {
      // It cannot be interrupted.
      this.#fail(`a query took more than ${this.#limits.readMs / 1000} s`);
    });
  }

  /** No query takes the time that the thread needs to start: on a busy machine that is longer than most queries. */
  #started(): void {
    if (this.#ended) return;
    this.#hasStarted = true;
    this.#deadline?.cancel();
    this.#deadline = null;
    if (this.#running) this.#limitQuery();
  }

  /** Rejects what it runs. */
  async end(error: Error): Promise<void> {
    this.#ended = true;
    this.#deadline?.cancel();
    this.#running?.reject(error);
    this.#running = null;
    await this.#worker.terminate();
  }

  #answered(result: QueryResult): void {
    const running = this.#running;
    if (running?.id !== result.id) return;
    this.#running = null;
    this.#deadline?.cancel();
    this.#deadline = null;
    if ('rows' in result) running.resolve(result.rows);
    else if (/^SQLITE_(?:BUSY|IOERR|FULL|CANTOPEN|CORRUPT|NOTADB|READONLY|LOCKED)/.test(result.code)) {
      running.reject(new StoreUnavailable(result.code, result.error));
    } else running.reject(new Error(result.error));
  }

  #fail(reason: string): void {
    if (!this.#ended) this.end(unavailable(reason)).catch(() => {});
  }
}

function unavailable(reason: string): StoreUnavailable {
  return new StoreUnavailable('READ', reason);
}
