export interface Progress {
  readonly done: number;
  readonly of: number;
  /** What could not be done, by what it was about. */
  readonly faults: ReadonlyMap<string, unknown>;
}

/** Does the same for many, a few at a time, until `signal`. Resolves with what came of it; rejects never. */
export async function forEach(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
  report: (progress: Progress) => void,
  signal: AbortSignal,
  atOnce = 4,
): Promise<Progress> {
  const faults = new Map<string, unknown>();
  const queue = [...ids];
  let done = 0;
  const worker = async () => {
    for (let id = queue.shift(); id !== undefined && !signal.aborted; id = queue.shift()) {
      try {
        await work(id);
      } catch (error) {
        faults.set(id, error);
      }
      done++;
      report({ done, of: ids.length, faults: new Map(faults) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ids.length) }, worker));
  return { done, of: ids.length, faults };
}
