import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { Problem } from './problem.ts';
import { givenTime } from './time.ts';
import { type Place, validator } from './validation.ts';

function detail(schema: Parameters<typeof validator>[0], place: Place, value: unknown): string | undefined {
  try {
    validator(schema, place)(value);
  } catch (error) {
    if (error instanceof Problem) return error.details.detail;
    throw error;
  }
  return undefined;
}

test('a value that is none of several is told all of them', () => {
  const status = Type.Union([Type.Literal('all'), Type.Literal('online')]);
  const schema = Type.Object({ status });
  expect(detail(schema, 'query', { status: 'x' })).toBe('#query/status: must be one of all, online');
  expect(detail(schema, 'body', { status: 'x' })).toBe('/status: must be one of all, online');
});

test('a value that does not match is told in words what it is to be', () => {
  const schema = Type.Object({ until: Type.Union([givenTime, Type.Null()]) });
  expect(detail(schema, 'body', { until: 'soon' })).toMatch(
    /^\/until: must match pattern .*\(RFC 3339, such as .*\)$/,
  );
  expect(detail(schema, 'body', { until: 5 })).toBe('/until: must be string');
  expect(detail(Type.Object({ id: Type.String({ pattern: '^a$' }) }), 'body', { id: 'b' })).toBe(
    '/id: must match pattern "^a$"',
  );
});
