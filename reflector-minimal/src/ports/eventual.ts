/** At once when it is known, else a promise. */
export type Eventual<Value> = Value | Promise<Value>;

/** Uses a value as soon as it is known: at once if it is. */
export function whenKnown<Value, Result>(
  value: Eventual<Value>,
  use: (value: Value) => Eventual<Result>,
): Eventual<Result> {
  return value instanceof Promise ? value.then(use) : use(value);
}
