/** Once everything that is ready to go on has done so: promises, with all that follows from them. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
