import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
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
  expect(detail(schema, 'body', { until: 'soon' })).toBe(
    '/until: must be a time such as 2030-01-31T12:00:00Z, or a day such as 2030-01-31',
  );
  expect(detail(schema, 'body', { until: 5 })).toBe('/until: must be string');
  expect(detail(Type.Object({ id: Type.String({ pattern: '^a$' }) }), 'body', { id: 'b' })).toBe(
    '/id: must match pattern "^a$"',
  );
});

describe('all faults are told', () => {
  const { checkedValues, faultsTold } = defaultLimits;
  const schema = Type.Object({ list: Type.Array(Type.Integer()) }, { additionalProperties: false });
  const faultsOf = (value: unknown) => {
    try {
      validator(schema, 'body')(value);
    } catch (error) {
      if (error instanceof Problem) return error.details.errors;
      throw error;
    }
    return [];
  };
  const wrong = (count: number) => ({ list: Array.from({ length: count }, () => 'x') });

  test('faultsTold: up to `limits.faultsTold`', () => {
    expect(faultsOf(wrong(faultsTold))).toHaveLength(faultsTold);
    expect(faultsOf(wrong(faultsTold + 1))).toHaveLength(faultsTold);
  });

  test('checkedValues: but of more than `limits.checkedValues` values, the first', () => {
    // The body and the list are values too.
    expect(faultsOf(wrong(checkedValues - 2))).toHaveLength(faultsTold);
    expect(faultsOf(wrong(checkedValues - 1))).toEqual([{ field: '/list/0', detail: 'must be integer' }]);
    const unknown = Object.fromEntries(Array.from({ length: checkedValues }, (_none, i) => [`x${i}`, 1]));
    expect(faultsOf({ list: [], ...unknown })).toEqual([{ field: '/x0', detail: 'is unknown' }]);
  });

  test('and a long body without a fault is taken', () => {
    const list = Array.from({ length: 10 * checkedValues }, () => 1);
    expect(validator(schema, 'body')({ list })).toEqual({ list });
  });
});
