/** At once when it is known, else a promise. */
export type Eventual<Value> = Value | Promise<Value>;
