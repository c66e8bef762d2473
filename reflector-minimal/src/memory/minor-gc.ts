import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Garbage of buffers is some two bytes for each byte carried: one read, one put together. */
const carriedBetween = 4 * 1024 * 1024;

/**
 * Collects young garbage after every few MiB carried. V8 itself lets the memory of dead buffers grow to 32 MiB before it
 * does, whatever its flags say (`Heap::AllocateExternalBackingStore`), which is more than all the rest of the reflector
 * needs under load. A collection of the young generation takes some 0.2 ms, because next to nothing in it is alive.
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
    // Not from within the reading of a buffer, while it is still referred to.
    setImmediate(() => {
      scheduled = false;
      carried = 0;
      collect({ type: 'minor' });
    });
  };
}
