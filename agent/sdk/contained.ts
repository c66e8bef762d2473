/**
 * Calls a function of the application. `failed` gets what it throws, or what the promise that it returns is rejected with: neither ends the
 * process.
 */
export function contained(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const returned = call();
    if (returned !== undefined) Promise.resolve(returned).catch(failed);
  } catch (error) {
    failed(error);
  }
}
