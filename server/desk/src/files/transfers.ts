import { type Signal, signal } from '@preact/signals';
import { limits } from '../limits.ts';
import type { Moved } from '../sftp/transfer.ts';
import { Rate } from './rate.ts';

export type Progress =
  | { readonly at: 'waiting' }
  /** Something has the name already. */
  | { readonly at: 'asking'; answer(replace: boolean): void }
  | {
      readonly at: 'running';
      readonly bytes: number;
      /** `null`: nobody knows. */
      readonly total: number | null;
      /** Bytes per second; `null`: not known yet. */
      readonly rate: number | null;
    }
  | { readonly at: 'stopping' }
  | ({ readonly at: 'done' } & Done)
  /** The reader has kept what was there. */
  | { readonly at: 'kept' }
  | { readonly at: 'over'; readonly why: string };

export interface Transfer {
  readonly id: number;
  readonly direction: 'up' | 'down';
  /** As it is shown. */
  readonly name: string;
  readonly progress: Signal<Progress>;
  cancel(): void;
}

/** What was transferred. `isHandedOver`: to the browser, which does not tell what becomes of it. */
export interface Done {
  readonly bytes: number;
  readonly isHandedOver?: boolean;
}

/** What is done for a transfer; `null`: it was not to be done after all. */
export type Work = (moved: Moved, stop: AbortSignal, ask: () => Promise<boolean>) => Promise<Done | null>;

export const isOver = ({ progress }: Transfer) => ['done', 'kept', 'over'].includes(progress.value.at);

/** Transfers, one after the other. */
export class Transfers {
  readonly all = signal<readonly Transfer[]>([]);
  readonly #say: (error: unknown) => string;
  readonly #cancelled: () => string;
  #last: Promise<unknown> = Promise.resolve();
  #made = 0;

  /** The sentences about a failure, and about what was cancelled. */
  constructor(say: (error: unknown) => string, cancelled: () => string) {
    this.#say = say;
    this.#cancelled = cancelled;
  }

  get isBusy(): boolean {
    return !this.all.value.every(isOver);
  }

  /** Those that are over make room; false: there is none. */
  get hasRoom(): boolean {
    return this.all.value.filter((one) => !isOver(one)).length < limits.transfers;
  }

  /** Resolves when it is over. */
  add(direction: Transfer['direction'], name: string, work: Work): Promise<void> {
    const stop = new AbortController();
    const progress = signal<Progress>({ at: 'waiting' });
    const transfer: Transfer = {
      id: ++this.#made,
      direction,
      name,
      progress,
      cancel: () => {
        if (isOver(transfer)) return;
        progress.value = { at: 'stopping' };
        stop.abort();
      },
    };
    const room = [...this.all.value, transfer];
    for (const old of this.all.value.filter(isOver)) {
      if (room.length > limits.transfers) room.splice(room.indexOf(old), 1);
    }
    this.all.value = room;
    const run = this.#last.then(() => this.#run(progress, work, stop.signal));
    this.#last = run;
    return run;
  }

  clear(): void {
    this.all.value = this.all.value.filter((one) => !isOver(one));
  }

  /** Resolves when all are over. */
  async cancelAll(): Promise<void> {
    for (const one of this.all.value) one.cancel();
    await this.#last;
  }

  async #run(progress: Signal<Progress>, work: Work, stop: AbortSignal): Promise<void> {
    const rate = new Rate();
    let shownAt = Number.NEGATIVE_INFINITY;
    const moved: Moved = (bytes, total) => {
      const now = performance.now();
      if (stop.aborted || now - shownAt < limits.progressMs) return;
      shownAt = now;
      progress.value = { at: 'running', bytes, total, rate: rate.add(bytes, now) };
    };
    const ask = () =>
      new Promise<boolean>((resolve) => {
        if (!stop.aborted) progress.value = { at: 'asking', answer: resolve };
      });
    try {
      const done = await work(moved, stop, ask);
      progress.value = done === null ? { at: 'kept' } : { at: 'done', ...done };
    } catch (error) {
      const isCancelled = stop.aborted && error === stop.reason;
      progress.value = { at: 'over', why: isCancelled ? this.#cancelled() : this.#say(error) };
    }
  }
}
