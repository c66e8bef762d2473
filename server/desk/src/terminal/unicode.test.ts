import type { IUnicodeVersionProvider, Terminal } from '@xterm/xterm';
import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { useUnicode } from './unicode.ts';

/** Cells of a text, as xterm makes them of what the provider says of each character. */
function cellsOf(text: string): string[] {
  let provider: IUnicodeVersionProvider | null = null;
  const register = (one: IUnicodeVersionProvider) => {
    provider = one;
  };
  useUnicode({ unicode: { register } } as unknown as Terminal);
  const cells: string[] = [];
  let preceding = 0;
  for (const character of text) {
    preceding = (provider as unknown as IUnicodeVersionProvider).charProperties(
      character.codePointAt(0) ?? 0,
      preceding,
    );
    if (preceding & 1) cells.push(`${cells.pop()}${character}`);
    else cells.push(character);
  }
  return cells;
}

test('characters that combine are in the cell of the one before, also of a wide one', () => {
  expect(cellsOf('a\u0301b漢\u3099c')).toEqual(['a\u0301', 'b', '漢\u3099', 'c']);
  const most = `a${'\u0301'.repeat(limits.combiningCharacters)}`;
  expect(cellsOf(`${most}b${most}`)).toEqual([most, 'b', most]);
});

test('combiningCharacters: one more begins another cell', () => {
  const cells = cellsOf(`a${'\u0301'.repeat(10_000)}b`);
  expect(Math.max(...cells.map(({ length }) => length))).toBe(limits.combiningCharacters + 1);
  expect(cells.at(-1)).toBe('b');
});
