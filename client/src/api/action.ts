/** A field of a call, given by an option. */
export interface Field {
  /** Where it goes in the body or the query; parts are separated by points. By default the name of the option in camel case. */
  readonly to?: string;
  /** `text` by default. `list`: may be given several times, or with commas. `flag`: has no value. */
  readonly type?: 'text' | 'number' | 'list' | 'ports' | 'flag' | 'time' | 'pairs';
  /** Value of a flag; true by default. */
  readonly value?: unknown;
  /** What stands for the value in the help. */
  readonly placeholder?: string;
  /** The text `none` stands for no value: null. */
  readonly nullable?: boolean;
}

/** A column of a table: its head, and a field of the record, of which parts are separated by points. */
export type Column = readonly [head: string, field: string];

/** What one action of a command asks the API. */
export interface Action {
  readonly help: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/my-devices/api`; what is in braces is a name on the command line, in its order. */
  readonly path: string;
  readonly options?: Readonly<Record<string, Field>>;
  /** A list is shown as a table of these, other records one field a line. */
  readonly columns?: readonly Column[];
  /** Of a single record: what is shown, as it is; by default all of it. */
  readonly only?: string;
  /** Pages are followed to the end. */
  readonly paged?: boolean;
  /** Reads what is there first, and changes nothing if somebody else does meanwhile. */
  readonly conditional?: boolean;
  /** What is printed when it is done; `{name}` stands for the name. */
  readonly done?: string;
}

/** Names in the path of an action, as they are typed. */
export function namesOf({ path }: Action): string[] {
  return [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);
}
