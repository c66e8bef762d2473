import type { StoreCare } from 'rm-reflector/store';

/** What a column holds. Whole numbers are below 2^53; there are no booleans: 0 and 1 are stored. */
export type Value = string | number | Buffer | null;

/** One statement of a transaction. */
export interface Step {
  readonly gives: 'row' | 'rows' | 'count';
  /** With a `?` for each value. */
  readonly sql: string;
  readonly values: readonly Value[];
}

/**
 * A transaction, or a part of one: a generator that yields statements and goes on with what each gives. It decides by
 * nothing else, has no effect outside, and waits for nothing, since it may be run again from its beginning. It cannot catch
 * the failure of a statement, which undoes all of it. What it throws itself undoes all of it too.
 */
export type Work<Result> = Generator<Step, Result, unknown>;

/** The first row. `yield*` it. */
export function* get<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Work<Row | undefined> {
  return (yield { gives: 'row', sql, values }) as Row | undefined;
}

/** All rows, which are few. `yield*` it. */
export function* all<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Work<Row[]> {
  return (yield { gives: 'rows', sql, values }) as Row[];
}

/** How many rows were changed. `yield*` it. */
export function* run(sql: string, ...values: Value[]): Work<number> {
  return (yield { gives: 'count', sql, values }) as number;
}

/** For a text of somebody else that is to be kept whatever it is: not every engine keeps a NUL. */
export function storable(text: string | null | undefined): string | null {
  return text?.replaceAll('\0', '\ufffd') ?? null;
}

/** What each engine has its own words for. The arguments are pieces of SQL. */
export interface Dialect {
  /** A query for the column `value`: the texts of a JSON array. */
  elements(json: string): string;
  /** A JSON array of the values of a query with one column, in its order. */
  array(column: string, query: string): string;
  /** A member of a JSON object that is `true` or `false`, as 1 or 0. */
  flag(json: string, name: string): string;
  /** Whether a text has another one in it. */
  contains(text: string, part: string): string;
  /** A member of a JSON object whose members are texts; NULL: it has none of this name. */
  member(json: string, name: string): string;
  /** A JSON object: of the members of one, which are texts, those whose names are in a JSON array. */
  members(json: string, names: string): string;
  /** Whether a yes or no of the Store is so, as its indexes of some rows say it. */
  is(column: string, value: boolean): string;
  /** Behind the name of a table: its rows are read by this index. */
  through(index: string): string;
  /** Joins rows of what follows to each row of what comes before, in this order. */
  readonly thenJoin: string;
  /** Whether `fleet_trigrams` has what is in `fleet_search`, and `fleet_trigram_instances` where. */
  readonly hasTrigrams: boolean;
  /** Whether an index of `fleet_search` finds texts `LIKE '%…%'`, with `\` before `%`, `_` and `\`. */
  readonly hasIndexedLike: boolean;
  /** Whether two texts are equal but for the case of ASCII letters. */
  equalFolded(one: string, other: string): string;
}

/**
 * The tables of the server, whichever engine keeps them. `sql` is a constant, or one of few: its compiled form is kept. It is
 * SQL that all engines have, with `"user"` in quotes and a name such as `AS "createdBy"` too, `CAST(? AS TEXT)` where nothing
 * else says the type of a value, and {@link Dialect} for the rest. All reject with `StoreUnavailable` where the tables cannot
 * be used.
 */
export interface Tables {
  readonly dialect: Dialect;
  get<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row | undefined>;
  /** All rows, which are few. */
  all<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row[]>;
  /** Does one statement, as a whole or not at all. How many rows were changed. */
  run(sql: string, ...values: Value[]): Promise<number>;
  /** Does all of it or nothing. No other change comes in between. */
  transact<Result>(work: () => Work<Result>): Promise<Result>;
  /** All rows of a query that reads many, but does not take long, whoever asks. */
  read<Row = Record<string, unknown>>(sql: string, ...values: Value[]): Promise<Row[]>;
  /** Queries of one user that may take long: all else is done beside them, and the users who have some take turns. */
  readsOf(user: string): Reads;
}

/** Tables, for whoever has opened them. */
export interface OpenTables extends Tables {
  /** Calls that wait for others: of a data file the long queries, with the one that runs; of a database all, for a connection. */
  readonly waiting: number;
  /** The tables are in a file, which may fail from now on: calls throw `StoreUnavailable` soon, and `care` is told. */
  watch?(care: StoreCare): void;
  close(): Promise<void>;
}

/** Tables from which is only read, by what may take some time. */
export type Reads = Pick<Tables, 'dialect' | 'read'>;
