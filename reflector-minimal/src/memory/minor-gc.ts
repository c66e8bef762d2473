import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Each byte carried leaves about two bytes of garbage: it is read into one buffer and copied into another. */
const carriedBetween = 4 * 1024 * 1024;

/**
 * Collects young garbage after every few MiB carried. V8 itself waits until dead buffers take 32 MiB, whatever its flags
 * say (`Heap::AllocateExternalBackingStore`): more than all the rest of the reflector needs under load. Collecting the
 * young generation takes about 0.2 ms, because almost nothing in it is alive.
 *
 * Sets a flag of the engine, so call it only in the reflector's own process. Call the returned function with the bytes carried.
 */
export function startMinorGc(): (bytes: number) => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  let carried = 0;
  let scheduled = false;
  return (bytes) => {
    carried += bytes;
    if (carried < carriedBetween || scheduled) return;
    scheduled = true;
    // Later, when the buffer being read is garbage as well.
    setImmediate(() => {
      scheduled = false;
      carried = 0;
      collect({ type: 'minor' });
    });
  };
}
