import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { optionName, settings, variableName } from './configuration/settings.ts';
import { defaultLimits } from './limits.ts';

const reference = readFileSync(new URL('../../docs/reflector.md', import.meta.url), 'utf8');

test('docs/reflector.md has every setting with its default and help', () => {
  for (const { key, help, value } of settings) {
    const option = `--${optionName(key)}${value === '' ? '' : ` ${value}`}`;
    expect(reference).toContain(`| \`${option}\` | \`${variableName(key)}\` | \`${key}\` |`);
    expect(reference).toContain(help);
  }
});

test('docs/reflector.md has every bound with its value', () => {
  for (const [name, value] of Object.entries(defaultLimits)) {
    expect(reference).toContain(`| \`${name}\` | ${value.toLocaleString('en')} |`);
  }
});
