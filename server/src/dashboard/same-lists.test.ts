import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tunnelEndCauses } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { knownColumns } from '../branding/brand/schema.ts';
import type { EnrolmentReason } from '../enrolment/enrolments.ts';
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

/** Operations of the API that write a record into the audit log. */
function audited(): string[] {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/\.test\.ts$|^testing/.test(path))
    .flatMap((path) =>
      readFileSync(`${folder}${path}`, 'utf8')
        .split(/\boperation: '/)
        .slice(1),
    )
    .filter((endpoint) => /\bnote\(/.test(endpoint))
    .map((endpoint) => endpoint.slice(0, endpoint.indexOf("'")));
}

/** Events of the reflector's own audit log. */
function documented(): string[] {
  const page = readFileSync(new URL('../../../docs/reference/reflector-audit.md', import.meta.url), 'utf8');
  const [, events = ''] = /\| event \|[^\n]*\n(.*?)\n\n/s.exec(page) ?? [];
  // What a command writes goes into the audit file only.
  const rows = events.split('\n').filter((row) => !row.includes('`user-add`'));
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  );
}

test('each event of the audit log has its words', () => {
  const texts: Record<string, string> = JSON.parse(source('texts/en.json'));
  expect([audited().length, documented().length].map((count) => count > 10)).toEqual([true, true]);
  // Sums of a kind (`upgrades`) have the words of the kind, and how many.
  const words = (event: string) => [event, event.replace(/s$/, '')].some((key) => `event.${key}` in texts);
  const waits = ['unclaimed', 'approval', 'clone', 'taken', 'key'] satisfies EnrolmentReason[];
  const others = ['provision', 'audit-lost', 'enrolment', ...waits.map((reason) => `enrolment-${reason}`)];
  expect([...documented(), ...audited(), ...others].filter((event) => !words(event))).toEqual([]);
});
