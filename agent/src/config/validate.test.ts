import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Json } from './json.ts';
import {
  choice,
  confidential,
  flag,
  integer,
  list,
  map,
  nullable,
  number,
  object,
  optional,
  type Schema,
  text,
  union,
  type Value,
  withDefault,
} from './schema.ts';
import { validate } from './validate.ts';

function check<S extends Schema>(schema: S, json: Json): unknown {
  const result = validate(schema, json, (source, fail) => {
    if (source.includes('${bad}')) fail('found ${bad}');
    return source.replace('${good}', 'GOOD');
  });
  return 'problems' in result
    ? result.problems.map(({ path, message }) => `${path}: ${message}`)
    : result.value;
}

describe('validate', () => {
  it.each<[string, Schema, Json, unknown]>([
    ['the lower bound', integer(1, 9), 1, 1],
    ['the upper bound', integer(1, 9), 9, 9],
    ['below the lower bound', integer(1, 9), 0, [': found 0, allowed is an integer from 1 to 9']],
    [
      'above the upper bound',
      integer(1, 9, 'seconds'),
      10,
      [': found 10, allowed is an integer from 1 to 9 (seconds) or a duration such as "30s"'],
    ],
    ['a fraction', integer(1, 9), 1.5, [': found 1.5, allowed is an integer from 1 to 9']],
    ['a duration', integer(1, 90, 'seconds'), '1.5m', 90],
    ['a size', integer(1, 9_000, 'bytes'), '4KiB', 4096],
    ['a unit that is none of it', integer(1, 9), '5s', [': found "5s", allowed is an integer from 1 to 9']],
    ['a duration of several types', union(flag(), integer(1, 90, 'seconds'), choice('no')), '5s', 5],
    ['a word of several types', union(flag(), integer(1, 90, 'seconds'), choice('no')), 'no', 'no'],
    ['a number as text', integer(1, 9), '5', [': found "5", allowed is an integer from 1 to 9']],
    ['a number', number(), 1.5, 1.5],
    ['no number', number(), true, [': found true, allowed is a number']],
    ['a flag', flag(), false, false],
    ['no flag', flag(), 'yes', [': found "yes", allowed is true or false']],
    ['a choice', choice('a', 'b'), 'b', 'b'],
    ['no choice', choice('a', 'b'), 'c', [': found "c", allowed is one of "a", "b"']],
    ['text', text(), 'x', 'x'],
    ['expanded text', text(), 'x${good}', 'xGOOD'],
    ['text that cannot be expanded', text(), '${bad}', [': found ${bad}']],
    ['text that is judged as expanded', text('capitals', /^[A-Z]+$/), '${good}', 'GOOD'],
    ['text of another pattern', text('capitals', /^[A-Z]+$/), 'a', [': found "a", allowed is capitals']],
    [
      'text with a line break',
      text(),
      'a\nb',
      [': found "a\\nb", allowed is text without control characters'],
    ],
    ['text that is too long', text('any', /^/, 3), 'abcd', [': found 4 characters, allowed are 3']],
    ['a null', nullable(integer(1, 9)), null, null],
    ['no null', integer(1, 9), null, [': found null, allowed is an integer from 1 to 9']],
    ['neither null nor right', nullable(flag()), 1, [': found 1, allowed is true or false or null']],
    ['a list', list(integer(1, 9), 1, 2), [1, 2], [1, 2]],
    ['an empty list', list(integer(1, 9), 1, 2), [], [': found 0 entries, allowed are 1 to 2']],
    ['an object for a list', list(integer(1, 9), 1, 2), {}, [': found an object, allowed is an array']],
    ['an array for an object', object({}), [], [': found an empty array, allowed is an object']],
  ])('%s', (_, schema, json, expected) => {
    expect(check(schema, json)).toEqual(expected);
  });

  const service = object({ port: integer(1, 65535), path: optional(text()) });
  const document = object({
    name: text(),
    start: withDefault(choice('on', 'off'), 'on'),
    nested: withDefault(object({ depth: withDefault(integer(0, 9), 3) }), {}),
    services: list(service, 1, 4, 'port'),
  });

  it('fills in defaults, nested ones too', () => {
    expect(check(document, { name: 'n', services: [{ port: 80 }] })).toEqual({
      name: 'n',
      start: 'on',
      nested: { depth: 3 },
      services: [{ port: 80, path: null }],
    });
  });

  it('collects every problem with its path', () => {
    expect(
      check(document, {
        nmae: 'n',
        start: 'of',
        nested: { depth: -1, colour: 1 },
        services: [{ port: 0 }, {}],
      }),
    ).toEqual([
      'nmae: unknown key, did you mean "name"?',
      'name: missing, needed is text without control characters',
      'start: found "of", allowed is one of "on", "off"',
      'nested.colour: unknown key, allowed are depth',
      'nested.depth: found -1, allowed is an integer from 0 to 9',
      'services[0].port: found 0, allowed is an integer from 1 to 65535',
      'services[1].port: missing, needed is an integer from 1 to 65535',
    ]);
  });

  it('finds a duplicate beside other problems', () => {
    expect(check(document, { name: 1, services: [{ port: 80 }, { port: 22 }, { port: 80 }] })).toEqual([
      'name: found 1, allowed is text without control characters',
      'services[2].port: found 80, which services[0] has already',
    ]);
  });

  it('does not take inherited members for keys', () => {
    const inherited: Json = Object.create({ name: 'inherited' });
    expect(check(object({ name: text() }), inherited)).toEqual([
      'name: missing, needed is text without control characters',
    ]);
    expect(check(object({ name: optional(text()) }), JSON.parse('{ "toString": 1 }'))).toEqual([
      'toString: unknown key, allowed are name',
    ]);
  });

  it('calls a rule only with members that are right', () => {
    const seen: unknown[] = [];
    const ordered = object({ min: integer(0, 9), max: integer(0, 9) }, ({ min, max }, report) => {
      seen.push([min, max]);
      if (min > max) report('min', `found ${min}, allowed is at most ${max}`);
    });
    expect(check(object({ range: ordered }), { range: { min: 3, max: 2 } })).toEqual([
      'range.min: found 3, allowed is at most 2',
    ]);
    expect(check(ordered, { min: 3, max: 20 })).toEqual(['max: found 20, allowed is an integer from 0 to 9']);
    expect(seen).toEqual([[3, 2]]);
  });

  it('judges the keys and values of a map', () => {
    const schema = map(text('lower-case letters', /^[a-z]+$/, 3), integer(0, 9), 2);
    expect(check(schema, { a: 1, abc: 2 })).toEqual({ a: 1, abc: 2 });
    expect(check(schema, { '': 1 })).toEqual(['[""]: the key is not allowed, allowed is lower-case letters']);
    expect(check(schema, { a: 1, B: 2, abcd: 10 })).toEqual([
      ': found 3 entries, allowed are at most 2',
      'B: the key is not allowed, allowed is lower-case letters',
      'abcd: the key is not allowed, allowed is lower-case letters',
      'abcd: found 10, allowed is an integer from 0 to 9',
    ]);
  });

  it('takes texts and lists of exactly their bounds, and nothing beyond', () => {
    const word = text('lower-case letters', /^[a-z]*$/, 3);
    expect([check(word, 'abc'), check(word, 'abcd')]).toEqual([
      'abc',
      [': found 4 characters, allowed are 3'],
    ]);
    const pair = list(integer(0, 9), 1, 2);
    expect([[], [1], [1, 2], [1, 2, 3]].map((json) => check(pair, json))).toEqual([
      [': found 0 entries, allowed are 1 to 2'],
      [1],
      [1, 2],
      [': found 3 entries, allowed are 1 to 2'],
    ]);
  });

  it('keeps a map entry called __proto__', () => {
    const schema = map(text(), integer(0, 9), 9);
    expect(Object.entries(check(schema, JSON.parse('{ "__proto__": 1 }')) as object)).toEqual([
      ['__proto__', 1],
    ]);
  });

  describe('a union', () => {
    const target = union(
      choice('a', 'b'),
      object({ file: text('a path', /^\//), size: withDefault(integer(1, 9), 5) }),
      integer(1, 3),
    );

    it.each<[Json, unknown]>([
      ['b', 'b'],
      [2, 2],
      [{ file: '/x' }, { file: '/x', size: 5 }],
      [{ file: 'x' }, ['file: found "x", allowed is a path']],
      [{ file: '/x', sise: 1 }, ['sise: unknown key, did you mean "size"?']],
      [7, [': found 7, allowed is an integer from 1 to 3']],
      ['c', [': found "c", allowed is one of "a", "b" or { "file": … } or an integer from 1 to 3']],
      [
        { size: 1 },
        [': found an object, allowed is one of "a", "b" or { "file": … } or an integer from 1 to 3'],
      ],
      [true, [': found true, allowed is one of "a", "b" or { "file": … } or an integer from 1 to 3']],
    ])('judges %j', (json, expected) => {
      expect(check(target, json)).toEqual(expected);
    });
  });

  it('never shows a confidential value', () => {
    const secret = confidential(union(confidential(text('one word', /^\w+$/, 20)), object({ file: text() })));
    for (const json of [
      'hunter2 hunter2',
      'hunter2'.repeat(9),
      42424242,
      { hunter: 'hunter2' },
      ['hunter2'],
    ]) {
      const problems = check(object({ secret }), { secret: json }) as string[];
      expect(problems).toHaveLength(1);
      expect(problems[0]).not.toMatch(/hunter2|42424242/);
    }
  });

  it('shortens a long value', () => {
    const [problem] = check(flag(), 'x'.repeat(1000)) as string[];
    expect(problem).toBe(`: found "${'x'.repeat(56)}…", allowed is true or false`);
  });

  it('infers the type of the value', () => {
    expectTypeOf<Value<typeof document>>().toEqualTypeOf<{
      readonly name: string;
      readonly start: 'on' | 'off';
      readonly nested: { readonly depth: number };
      readonly services: readonly { readonly port: number; readonly path: string | null }[];
    }>();
  });
});
