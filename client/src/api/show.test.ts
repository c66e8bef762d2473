import { expect, test } from 'vitest';
import { fieldOf, json, jsonList, plain, record, table } from './show.ts';

test('a table has a line for each record, and steers no terminal', () => {
  const columns = [
    ['NAME', 'name'],
    ['ON', 'on'],
    ['DEEP', 'a.b'],
  ] as const;
  const records = [
    { name: 'pump\x1b[2J', on: true, a: { b: [1, 2] } },
    { name: null, on: false, a: null },
    { name: '2026-11-28T10:00:00.000Z' },
  ];
  expect(table(columns).page(records)).toBe(`NAME                  ON   DEEP
pump [2J              yes  1,2
-                     no   -
2026-11-28 10:00 UTC  -    -
`);
});

test('a table of pages has one head, and lines that stay aligned', () => {
  const list = table([
    ['ID', 'id'],
    ['ON', 'on'],
  ]);
  const pages = [[{ id: 'pump-7', on: true }], [{ id: 'a', on: false }], []].map((page) => list.page(page));
  expect([...pages, list.end()]).toEqual(['ID      ON\npump-7  yes\n', 'a       no\n', '', '']);
  expect(table([['ID', 'id']]).page([])).toBe('ID\n');
});

test.each([
  [[[]], []],
  [
    [
      [
        { id: 'a', tags: ['x'] },
        { id: 'b\x9b2J', tags: [] },
      ],
      [],
      [{ id: 'c', of: { a: null } }],
    ],
    null,
  ],
])('JSON of pages is that of the whole list', (pages, whole) => {
  const list = jsonList();
  const text = pages.map((page) => list.page(page)).join('') + list.end();
  expect(text).toBe(json(whole ?? pages.flat()));
});

test('a record has a line for each field, nested ones indented', () => {
  expect(record({ id: 'x', deep: { a: 1, b: { c: null } }, list: [], none: {} })).toBe(
    'id: x\ndeep:\n  a: 1\n  b:\n    c: -\nlist: -\nnone: {}\n',
  );
});

test('a field that every object has is none', () => {
  expect(fieldOf({}, 'constructor')).toBeUndefined();
  expect(fieldOf({ a: 'x' }, 'a.length.b')).toBeUndefined();
});

test.each([
  [{ name: 'pump\x1b[2J\x9b2J\u202e' }, '{\n  "name": "pump\\u001b[2J\\u009b2J\\u202e"\n}\n'],
  [['grün 泵'], '[\n  "grün 泵"\n]\n'],
])('JSON says the same and steers no terminal: %j', (value, text) => {
  expect(json(value)).toBe(text);
  expect(JSON.parse(text)).toEqual(value);
});

test.each([
  ['Alice\x1b]0;x\x07', 'Alice ]0;x\n'],
  [7, '7\n'],
  [{ id: 'x' }, '{\n  "id": "x"\n}\n'],
])('one field by itself, %j', (value, text) => {
  expect(plain(value)).toBe(text);
});
