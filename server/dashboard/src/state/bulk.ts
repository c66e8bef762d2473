import { Problem } from '../api/problem.ts';

export interface Progress {
  readonly done: number;
  readonly of: number;
  /** What could not be done, by what it was about. */
  readonly faults: ReadonlyMap<string, unknown>;
  /** What is not done: not yet, or not at all. */
  readonly left: ReadonlySet<string>;
  /** The server takes no more calls for some seconds. */
  readonly paused: boolean;
}

export interface ForEachOptions {
  readonly atOnce?: number;
  /** Resolves after so many ms, or when the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A server that refuses one and the same call so often is not merely busy with ours. */
const mostPauses = 30;

/**
 * Does the same for many, a few at a time, until `signal`; what the server refuses as too many calls is done again when it
 * takes more. Resolves with what came of it; rejects never.
 */
export async function forEach(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
  report: (progress: Progress) => void,
  signal: AbortSignal,
  { atOnce = 4, wait = pause }: ForEachOptions = {},
): Promise<Progress> {
  const faults = new Map<string, unknown>();
  const left = new Set(ids);
  const queue = [...ids];
  let done = 0;
  let paused: Promise<void> | null = null;
  const now = (): Progress => ({
    done,
    of: ids.length,
    faults: new Map(faults),
    left,
    paused: paused !== null,
  });
  const one = async (id: string) => {
    for (let pauses = 0; ; pauses++) {
      try {
        await work(id);
        left.delete(id);
        return;
      } catch (error) {
        const seconds = error instanceof Problem && error.status === 429 ? error.retryAfter : null;
        if (seconds === null || pauses === mostPauses) {
          faults.set(id, error);
          return;
        }
        paused ??= wait(seconds * 1_000, signal).then(() => {
          paused = null;
        });
        report(now());
        await paused;
        if (signal.aborted) return;
      }
    }
  };
  const worker = async () => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      // All wait: the next call would be refused as well.
      while (paused !== null) await paused;
      if (signal.aborted) return;
      await one(id);
      if (left.has(id) && !faults.has(id)) return;
      done++;
      report(now());
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ids.length) }, worker));
  return now();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}
