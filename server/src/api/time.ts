import { type TSchema, Type } from 'typebox';
import { matching } from './pattern.ts';
import { type FieldFault, Problem } from './problem.ts';

/** A time that is shown. */
export const timeSchema = Type.String({ format: 'date-time', description: 'RFC 3339, in UTC.' });

/** A time that a caller gives: RFC 3339, or a day in UTC. */
export const givenTime = Type.String({
  maxLength: 40,
  ...matching(
    '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2}))?$',
    'must be a time such as 2030-01-31T12:00:00Z, or a day such as 2030-01-31',
  ),
  description: 'RFC 3339, such as 2030-01-31T12:00:00Z, or a day in UTC, such as 2030-01-31.',
});

/** The same, or null. */
export const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

/** Wall-clock milliseconds as a time that is shown. */
export function shownTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function shownTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : shownTime(ms);
}

/** A given time in wall-clock milliseconds. `field`: as in problem details. Throws a `Problem` for one that does not exist. */
export function readTime(field: string, text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  const fault: FieldFault = { field, detail: 'there is no such time' };
  throw new Problem(400, 'The call does not fit its description', {
    detail: `${field}: ${fault.detail}`,
    errors: [fault],
  });
}

/** As {@link readTime}, of what may be left out, or be null. */
export function readTimeOrNull(field: string, text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : readTime(field, text);
}
