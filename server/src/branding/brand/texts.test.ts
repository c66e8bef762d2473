import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { refusals } from '../../../../reflector-minimal/src/refusals/catalogue.ts';
import { ownTexts } from './texts.ts';

const en = ownTexts.get('en') ?? {};
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([name]) => name).sort();

test.each([...ownTexts.keys()])('%s has every text, with the same values', (language) => {
  const texts = ownTexts.get(language) ?? {};
  expect(Object.keys(texts)).toEqual(Object.keys(en));
  for (const [key, text] of Object.entries(texts)) {
    // A value may be said twice.
    expect([key, new Set(placeholders(text))]).toEqual([key, new Set(placeholders(en[key] ?? ''))]);
  }
});

test("every text of the reflector's own pages is there, as the reflector says it", () => {
  const pages = fileURLToPath(new URL('../../../../reflector-minimal/src/pages/', import.meta.url));
  const said = readdirSync(pages)
    .filter((name) => name.endsWith('.ts') && !name.includes('.test.'))
    .flatMap((name) => [
      ...readFileSync(join(pages, name), 'utf8').matchAll(
        /(?:said|wording\(look\))\(\s*'([^']+)',\s*'((?:[^'\\]|\\.)*)'/g,
      ),
    ]);
  expect(said.length).toBeGreaterThan(50);
  for (const [, key = '', english = ''] of said) expect([key, en[key]]).toEqual([key, english]);
});

test('every refusal of the reflector can be said in other words', () => {
  const fill = (text: string, values: object) =>
    text.replace(/\{(\w+)\}/g, (whole, name: string) =>
      String(Object.entries(values).find(([key]) => key === name)?.[1] ?? whole),
    );
  const samples = [
    refusals.unknownDevice('pump-1'),
    refusals.offline('pump-1'),
    refusals.notForwarded(81),
    refusals.notGranted({ port: 22, granted: ['web'] }),
    refusals.noWebInterface('pump-1'),
    refusals.otherScheme({ kind: 'https', port: 443 }),
    refusals.otherHost('a.example'),
    refusals.invalidAnswer('no status line'),
  ];
  const constant = Object.values(refusals).filter((refusal) => typeof refusal !== 'function');
  expect(samples.length + constant.length).toBe(Object.keys(refusals).length - 1);
  for (const { key, error, advice, values = {} } of [...samples, ...constant] as readonly {
    key?: string;
    error: string;
    advice?: string;
    values?: object;
  }[]) {
    expect(fill(en[`refusal.${key}`] ?? '', values)).toBe(error);
    expect([key, fill(en[`refusal.${key}.advice`] ?? '', values)]).toEqual([key, advice ?? '']);
  }
});
