import type { Cancellable, Clock } from '../src/host.ts';
import { messageOf } from '../src/log/log.ts';

/**
 * A function of the application that gives a value when it is needed. `signal` is aborted when nobody waits for it any
 * more.
 */
export type Provider<T> = (context: { readonly signal: AbortSignal }) => T | Promise<T>;

/**
 * Calls `provide`; `done` gets what it gave, or why it gave nothing: it threw, or took longer than `timeoutMs`. `done` is
 * called at most once, never from within this call nor after `cancel`.
 */
export function ask<T>(
  clock: Clock,
  provide: Provider<T>,
  timeoutMs: number,
  done: (result: { readonly value: T } | { readonly error: string }) => void,
): Cancellable {
  const controller = new AbortController();
  const { signal } = controller;
  const settle = (result: { readonly value: T } | { readonly error: string }) => {
    if (signal.aborted) return;
    timer.cancel();
    controller.abort();
    done(result);
  };
  const timer = clock.schedule(timeoutMs, () =>
    settle({ error: `no value within ${Math.ceil(timeoutMs / 1000)} s` }),
  );
  // A call in the next microtask, so that what it throws is caught as a rejection is.
  Promise.resolve()
    .then(() => provide({ signal }))
    .then(
      (value) => settle({ value }),
      (error: unknown) => settle({ error: messageOf(error) }),
    );
  return {
    cancel: () => {
      timer.cancel();
      controller.abort();
    },
  };
}
