import { useSignal } from '@preact/signals';
import { useCallback, useEffect } from 'preact/hooks';

/** Something that is read from the server. */
export interface Resource<Value> {
  /** `undefined`: not read yet. */
  readonly value: Value | undefined;
  readonly fault: unknown;
  readonly reload: () => void;
  readonly set: (value: Value) => void;
}

/** Reads when it is first shown, and again whenever `keys` change. What was read before stays until then. */
export function useResource<Value>(
  read: (signal: AbortSignal) => Promise<Value>,
  keys: readonly unknown[],
): Resource<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const fault = useSignal<unknown>(null);
  const round = useSignal(0);
  useEffect(() => {
    const stop = new AbortController();
    read(stop.signal).then(
      (found) => {
        if (stop.signal.aborted) return;
        value.value = found;
        fault.value = null;
      },
      (error: unknown) => {
        if (!stop.signal.aborted) fault.value = error;
      },
    );
    return () => stop.abort();
  }, [...keys, round.value]);
  const reload = useCallback(() => {
    round.value++;
  }, []);
  const set = useCallback((next: Value) => {
    value.value = next;
  }, []);
  return { value: value.value, fault: fault.value, reload, set };
}
