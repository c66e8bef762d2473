import { Worker } from 'node:worker_threads';
import type { Cancellable, Clock } from 'rm-protocol';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { Message, Query, QueryResult } from './reading-worker.ts';

export type ReaderLimits = Pick<Limits, 'readsWaiting' | 'readMs' | 'readTexts' | 'readerStartMs'>;

interface Waiting {
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
  /** `null` while the thread starts. */
  timer: Cancellable | null;
}

/**
 * Queries that read much, beside the loop: a thread with a connection of its own runs them one after the other. It sees
 * what was committed before the query began.
 */
export class Reader {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #limits: ReaderLimits;
  #thread: ReadingThread | null = null;
  /** One that takes no further queries, until it has answered all. */
  #leaving: ReadingThread | null = null;
  #closed = false;

  constructor(path: string, clock: Clock, limits: ReaderLimits) {
    this.#path = path;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Queries that are not answered yet. */
  get waiting(): number {
    return (this.#thread?.waiting ?? 0) + (this.#leaving?.waiting ?? 0);
  }

  /**
   * All rows. `sql` has `?` for the values: the thread keeps it compiled. Rejects with `StoreUnavailable` beyond
   * `limits.readsWaiting` queries, after `limits.readMs`, when the thread does not start within `limits.readerStartMs`, and when
   * the file cannot be read.
   */
  all(sql: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    if (this.#closed) return Promise.reject(unavailable('the server stops'));
    if (this.waiting >= this.#limits.readsWaiting) {
      return Promise.reject(unavailable('too many queries wait'));
    }
    return this.#threadFor(sql).all(sql, values);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const threads = [this.#thread, this.#leaving];
    this.#thread = this.#leaving = null;
    await Promise.all(threads.map((thread) => thread?.end(unavailable('the server stops'))));
  }

  /** A compiled query lasts as long as its thread (`LastingDatabase`), so one with too many of them is replaced. */
  #threadFor(sql: string): ReadingThread {
    if (this.#thread?.ended) this.#thread = null;
    if (this.#leaving?.ended) this.#leaving = null;
    const current = this.#thread;
    if (current && (current.keeps(sql) || current.kept < this.#limits.readTexts || this.#leaving))
      return current;
    if (current) {
      this.#leaving = current;
      current.leave();
    }
    this.#thread = new ReadingThread(this.#path, this.#clock, this.#limits);
    return this.#thread;
  }
}

/** One thread, and the queries that it has not answered. */
class ReadingThread {
  readonly #clock: Clock;
  readonly #limits: ReaderLimits;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #texts = new Set<string>();
  /** `null` once it has started. */
  #starting: Cancellable | null;
  #last = 0;
  #leaves = false;
  #ended = false;

  constructor(path: string, clock: Clock, limits: ReaderLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#worker = new Worker(workerFile(), { workerData: { path } });
    this.#worker.unref();
    this.#starting = clock.schedule(limits.readerStartMs, () => {
      this.#fail(`the thread that reads did not start within ${limits.readerStartMs / 1000} s`);
    });
    this.#worker.on('message', (message: Message) => {
      if (message === 'started') this.#started();
      else this.#answered(message);
    });
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.on('exit', () => this.#fail('the thread that reads has ended'));
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Queries that are compiled in it. */
  get kept(): number {
    return this.#texts.size;
  }

  keeps(sql: string): boolean {
    return this.#texts.has(sql);
  }

  all(sql: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    this.#texts.add(sql);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, timer: this.#starting ? null : this.#deadline() });
      this.#worker.postMessage({ id, sql, values } satisfies Query);
    });
  }

  #deadline(): Cancellable {
    return this.#clock.schedule(this.#limits.readMs, () => {
      // It cannot be interrupted: whatever waits behind it is asked for again.
      this.#fail(`a query took more than ${this.#limits.readMs / 1000} s`);
    });
  }

  /** No query takes the time that the thread needs to start: on a busy machine that is longer than most queries. */
  #started(): void {
    if (this.#ended) return;
    this.#starting?.cancel();
    this.#starting = null;
    for (const waiting of this.#waiting.values()) waiting.timer = this.#deadline();
  }

  /** Ends it once it has answered all. */
  leave(): void {
    this.#leaves = true;
    if (this.#waiting.size === 0) this.#fail('the thread that reads has ended');
  }

  /** Rejects what waits. */
  async end(error: Error): Promise<void> {
    this.#ended = true;
    this.#starting?.cancel();
    for (const { reject, timer } of this.#waiting.values()) {
      timer?.cancel();
      reject(error);
    }
    this.#waiting.clear();
    await this.#worker.terminate();
  }

  #answered(result: QueryResult): void {
    const waiting = this.#waiting.get(result.id);
    if (!waiting) return;
    this.#waiting.delete(result.id);
    waiting.timer?.cancel();
    if ('rows' in result) waiting.resolve(result.rows);
    else if (/^SQLITE_(?:BUSY|IOERR|FULL|CANTOPEN|CORRUPT|NOTADB|READONLY|LOCKED)/.test(result.code)) {
      waiting.reject(new StoreUnavailable(result.code, result.error));
    } else waiting.reject(new Error(result.error));
    if (this.#leaves) this.leave();
  }

  #fail(reason: string): void {
    if (!this.#ended) this.end(unavailable(reason)).catch(() => {});
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
