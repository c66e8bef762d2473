import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { passwordComplaint } from '../../../../reflector-minimal/src/passwords/rules.ts';
import { refusals } from '../../../../reflector-minimal/src/refusals/catalogue.ts';
import { brandComplaint } from './password-rule.ts';
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

const fill = (text: string, values: object) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(Object.entries(values).find(([key]) => key === name)?.[1] ?? whole),
  );

test('every complaint about a password is said in every language', () => {
  const refused = [
    'short',
    'x7'.repeat(129),
    'with a\ttab in it',
    'aaaaaaaaaaaa',
    '1234567890',
    'password123',
  ];
  const rules = { minLength: 14, needs: ['lower', 'upper', 'digit', 'sign'], refuse: ['Acme'] } as const;
  const ofBrand = [
    'Short-1',
    'LONG-ENOUGH-12345',
    'long-enough-12345',
    'Long-enough-words',
    'Longenough words1',
    'Long-at-aCMe-12345',
  ];
  const complaints = [
    ...[...refused, 'pumpist7!!'].map((password) => passwordComplaint(password, 'pumpist7')),
    ...ofBrand.map((password) =>
      brandComplaint(password, { ...rules, needs: [...rules.needs], refuse: [...rules.refuse] }),
    ),
  ];
  const keys = new Set(complaints.map((complaint) => complaint?.key));
  expect([...keys].sort()).toEqual(
    Object.keys(en)
      .filter((key) => key.startsWith('passwordRule.'))
      .sort(),
  );
  for (const complaint of complaints) {
    const { key = '', english = '', values = {} } = complaint ?? {};
    expect(fill(en[key] ?? '', values)).toBe(english);
    const german = fill(ownTexts.get('de')?.[key] ?? '', values);
    expect([german, german === english]).toEqual([
      expect.stringMatching(/^(muss|darf|ist|gehört) [^{}]+$/),
      false,
    ]);
  }
});

test('every refusal of the reflector can be said in other words', () => {
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
