import { fieldProblem } from '../api/problem.ts';
import { defaultLimits as limits } from '../limits.ts';

/** The properties of a device after changes; `null` removes one. Throws a `Problem` beyond the bounds. */
export function changedProperties(
  present: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const all = new Map(Object.entries(present));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) all.delete(key);
    else all.set(key, value);
  }
  const result: Record<string, string> = Object.assign(Object.create(null), Object.fromEntries(all));
  if (all.size > limits.userProperties) {
    throw fieldProblem('/properties', `a device has at most ${limits.userProperties}`);
  }
  if (JSON.stringify(result).length > limits.userPropertiesLength) {
    throw fieldProblem(
      '/properties',
      `all of a device have at most ${limits.userPropertiesLength} characters`,
    );
  }
  return result;
}
