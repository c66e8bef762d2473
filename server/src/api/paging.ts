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
export function cursorOf(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/** What a place of a cursor may hold. A number that is not whole is none of ours, and not every engine compares it. */
interface Held {
  readonly text: string;
  readonly integer: number;
}

/** The values of a cursor, one for each place; `null`: there is none. Throws a `Problem` for what is no cursor of ours. */
export function readCursor<const Places extends readonly (keyof Held)[]>(
  cursor: string | undefined,
  ...places: Places
): { readonly [Index in keyof Places]: Held[Places[Index]] } | null {
  if (cursor === undefined) return null;
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const fits = (place: keyof Held, value: unknown) =>
      place === 'text' ? typeof value === 'string' : Number.isSafeInteger(value);
    if (
      Array.isArray(values) &&
      values.length === places.length &&
      places.every((place, index) => fits(place, values[index]))
    ) {
      return values as unknown as { readonly [Index in keyof Places]: Held[Places[Index]] };
    }
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
  cursor: (row: Row) => readonly (string | number)[],
): { readonly items: Item[]; readonly next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(item),
    next: rows.length > limit && last !== undefined ? cursorOf(cursor(last)) : null,
  };
}
