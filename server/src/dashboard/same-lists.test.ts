import { readFileSync } from 'node:fs';
import { tunnelEndCauses } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { knownColumns } from '../branding/brand/schema.ts';
import { eventKinds } from '../events/log/kinds.ts';

/** The dashboard runs in browsers and imports nothing of the server: what both list has to be the same. */

const source = (path: string) =>
  readFileSync(new URL(`../../dashboard/src/${path}`, import.meta.url), 'utf8');

/** The words of a list that a source of the dashboard exports. */
function listed(path: string, name: string): string[] {
  const [, list = ''] =
    new RegExp(`export const ${name} = \\[([^\\]]*)\\] as const;`).exec(source(path)) ?? [];
  return [...list.matchAll(/'([^']+)'/g)].map(([, word = '']) => word);
}

test('columns that a brand may choose are those of the list of devices', () => {
  expect(listed('state/columns.ts', 'knownColumns')).toEqual(knownColumns);
});

test('events that can be chosen for a webhook are those of the server', () => {
  // A webhook gets this one when somebody tries it.
  const others = Object.keys(eventKinds).filter((kind) => kind !== 'webhook.test');
  expect(listed('api/types.ts', 'eventKinds').sort()).toEqual(others.sort());
});

test('each cause that ends a tunnel has its words', () => {
  const texts: Record<string, string> = JSON.parse(source('texts/en.json'));
  expect(tunnelEndCauses.filter((cause) => !Object.hasOwn(texts, `end.${cause}`))).toEqual([]);
});
