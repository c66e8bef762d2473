import { StoreUnavailable } from 'rm-reflector/ports';

/**
 * Gives what a change gives, and calls `hint` with it before. Where nobody knows whether the change was made, `hint` gets `null`, and this
 * rejects as the change does: what was known before must not count any more.
 */
export async function hinted<Result>(
  change: Promise<Result>,
  hint: (result: Result | null) => void,
): Promise<Result> {
  let result: Result;
  try {
    result = await change;
  } catch (error) {
    if (error instanceof StoreUnavailable && error.code === 'UNKNOWN') hint(null);
    throw error;
  }
  hint(result);
  return result;
}
