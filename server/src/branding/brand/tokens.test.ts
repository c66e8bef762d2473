import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { contrast, tooAlike } from './contrast.ts';
import { knownColumns } from './schema.ts';
import { tokens } from './tokens.ts';

const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const dashboard = '../../../dashboard/src/';

test('the colours are those of the dashboard', () => {
  const css = file(`${dashboard}style/tokens.css`);
  const found = [...css.matchAll(/--color-([\w-]+): light-dark\((#\w+), (#\w+)\)/g)];
  expect(Object.fromEntries(found.map(([, name, light, dark]) => [name, [light, dark]]))).toEqual(tokens);
});

test('the pages of the reflector have the same', () => {
  const css = file('../../../../reflector-minimal/src/http/page.ts');
  for (const [index, theme] of [
    css.split('@media (prefers-color-scheme: dark)')[0],
    css.split('@media (prefers-color-scheme: dark)')[1],
  ].entries()) {
    const found = [...(theme ?? '').matchAll(/--color-([\w-]+): (#\w+)/g)];
    expect(found.length).toBeGreaterThan(10);
    for (const [, name, color] of found) {
      const token = Object.entries(tokens).find(([one]) => one === name)?.[1];
      expect([name, token?.[index]]).toEqual([name, color]);
    }
  }
});

test('they can be read on each other', () => {
  expect(contrast('#000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  for (const index of [0, 1] as const) expect(tooAlike((token) => tokens[token][index])).toEqual([]);
});

test('the columns are those of the dashboard', () => {
  const source = /knownColumns = \[([^\]]*)\]/.exec(file(`${dashboard}state/columns.ts`))?.[1] ?? '';
  expect([...source.matchAll(/'(\w+)'/g)].map(([, name]) => name)).toEqual(knownColumns);
});
