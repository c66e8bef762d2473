import type { SftpFailure } from './failure.ts';

/** How much of a file is there; `total`: bytes, `null`: nobody knows. */
export type Moved = (bytes: number, total: number | null) => void;

/** Rejects when it is aborted, and never resolves. */
export function aborted(stop: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    const end = () => reject(stop.reason);
    if (stop.aborted) end();
    else stop.addEventListener('abort', end, { once: true });
  });
  // Nobody may be waiting.
  promise.catch(() => {});
  return promise;
}

/** A request whose failure is seen when its turn comes. */
export function begun<Value>(request: Promise<Value>): Promise<Value> {
  request.catch((_: SftpFailure) => {});
  return request;
}
