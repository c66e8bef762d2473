// Loaded before each unit test: files share a process, so one that leaves a global changed fails here, and not in
// whichever file runs after it. What is new may be a library's, which adds it once.
import { afterAll } from 'vitest';

const before = descriptors();

afterAll(() => {
  const after = descriptors();
  const changed = Reflect.ownKeys(before).filter((key) => !isSame(before[key], after[key]));
  for (const key of changed) Object.defineProperty(globalThis, key, before[key] ?? {});
  if (changed.length > 0)
    throw new Error(`a unit test leaves globals changed: ${changed.map(String).join(', ')}`);
});

/** @returns {Record<string | symbol, PropertyDescriptor | undefined>} */
function descriptors() {
  for (const key of Reflect.ownKeys(globalThis)) {
    // Node replaces some when they are first read, and warns when these are.
    if (key !== 'localStorage' && key !== 'sessionStorage') Reflect.get(globalThis, key);
  }
  return Object.getOwnPropertyDescriptors(globalThis);
}

/** @param {PropertyDescriptor | undefined} was @param {PropertyDescriptor | undefined} is */
function isSame(was, is) {
  return (
    Object.is(was?.value, is?.value) &&
    was?.writable === is?.writable &&
    was?.get === is?.get &&
    was?.set === is?.set
  );
}
