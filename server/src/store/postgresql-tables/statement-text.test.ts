import { expect, test } from 'vitest';
import { numbered } from './statement-text.ts';

test.each([
  ['SELECT 1', 'SELECT 1'],
  ['SELECT * FROM t WHERE a = ? AND b IN (?, ?)', 'SELECT * FROM t WHERE a = $1 AND b IN ($2, $3)'],
  [`SELECT '?', "a?", 'it''s?' WHERE a = ?`, `SELECT '?', "a?", 'it''s?' WHERE a = $1`],
])('%s', (sql, text) => {
  expect(numbered(sql)).toBe(text);
});
