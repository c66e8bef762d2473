import { type TSchema, Type } from 'typebox';
import { defaultLimits } from '../limits.ts';
import { Problem } from './problem.ts';

/** The fields of a query that asks for a page. */
export const pageQuery = {
  limit: Type.Integer({
    minimum: 1,
    maximum: defaultLimits.pageSize,
    default: defaultLimits.defaultPageSize,
    description: 'Most records of the page.',
  }),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2_048,
      description: '`next` of the page before; the first page without.',
    }),
  ),
};

/** A page of these. */
export function pageOf<Item extends TSchema>(item: Item) {
  return Type.Object({
    items: Type.Array(item),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'Cursor of the next page; null: this is the last.',
    }),
  });
}

/** Values after which the next page begins, as a text that says nothing to the caller. */
export function cursorOf(values: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/** The `count` values of a cursor; `null`: there is none. Throws a `Problem` for what is no cursor of ours. */
export function readCursor(cursor: string | undefined, count: number): (string | number | null)[] | null {
  if (cursor === undefined) return null;
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const fits = (value: unknown) => value === null || typeof value === 'string' || typeof value === 'number';
    if (Array.isArray(values) && values.length === count && values.every(fits)) return values;
  } catch {
    // Not JSON.
  }
  const detail = 'must be `next` of a page of this very list';
  throw new Problem(400, 'The call does not fit its description', {
    detail: `#query/cursor: ${detail}`,
    errors: [{ field: '#query/cursor', detail }],
  });
}

/** A page of `limit` from rows of which one more was asked for. */
export function pageFrom<Row, Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
  cursor: (row: Row) => readonly (string | number | null)[],
): { readonly items: Item[]; readonly next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(item),
    next: rows.length > limit && last !== undefined ? cursorOf(cursor(last)) : null,
  };
}
