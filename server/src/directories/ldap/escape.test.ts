import fc from 'fast-check';
import { FilterParser } from 'ldapts';
import { expect, test } from 'vitest';
import { bindNameFor, escapeDn, escapeFilter, filterFor } from './escape.ts';

test.each([
  ['alice', 'alice'],
  ['*', '\\2a'],
  ['*)(uid=*))(|(uid=*', '\\2a\\29\\28uid=\\2a\\29\\29\\28|\\28uid=\\2a'],
  ['a\\2ab', 'a\\5c2ab'],
  ['a\0b', 'a\\00b'],
  ['Zoë', 'Zoë'],
])('%s in a filter', (value, expected) => {
  expect(escapeFilter(value)).toBe(expected);
});

test('whatever is typed, a filter is parsed to one comparison with that very value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
      const filter = FilterParser.parseString(filterFor('(&(objectClass=person)(uid={name}))', name));
      expect(filter).toMatchObject({
        filters: [{ attribute: 'objectClass' }, { attribute: 'uid', value: name }],
      });
    }),
  );
});

test.each([
  ['alice', 'alice'],
  ['Smith, J.', 'Smith\\2c J.'],
  ['a,ou=admins', 'a\\2cou\\3dadmins'],
  ['#1 + "2" <3>; \\', '\\231 \\2b \\222\\22 \\3c3\\3e\\3b \\5c'],
  [' a ', '\\20a\\20'],
  [' ', '\\20'],
  ['a\0', 'a\\00'],
])('%s in a distinguished name', (value, expected) => {
  expect(escapeDn(value)).toBe(expected);
});

test('what to bind as: a distinguished name is escaped, other forms are as they were typed', () => {
  expect(bindNameFor('uid={name},ou=people', 'a,b')).toBe('uid=a\\2cb,ou=people');
  expect(bindNameFor('{name}@example.com', 'a+b')).toBe('a+b@example.com');
  expect(bindNameFor('EXAMPLE\\{name}', "$&$1$'")).toBe("EXAMPLE\\$&$1$'");
});
