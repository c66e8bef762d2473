import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { optionName, settings, variableName } from './configuration/settings.ts';
import { defaultLimits } from './limits.ts';

const reference = readFileSync(new URL('../../docs/reflector.md', import.meta.url), 'utf8');

test('docs/reflector.md has every setting with its default and help', () => {
  const shown = (value: unknown) => {
    if (value === null) return '–';
    if (value === false) return 'no';
    return Array.isArray(value) ? 'none' : `\`${value}\``;
  };
  for (const { key, help, value, default: initial } of settings) {
    const option = `--${optionName(key)}${value === '' ? '' : ` ${value}`}`;
    const names = `| \`${option}\` | \`${variableName(key)}\` | \`${key}\` |`;
    expect(reference).toContain(`${names} ${shown(initial)} | ${help} |`);
  }
});

test('docs/reflector.md has every bound with its value and what it is for', () => {
  const source = readFileSync(new URL('limits.ts', import.meta.url), 'utf8');
  for (const [name, value] of Object.entries(defaultLimits)) {
    const comment = new RegExp(`/\\*\\* ([^\\n]*) \\*/\\n  readonly ${name}: number;`).exec(source)?.[1];
    const row = `| \`${name}\` | ${value.toLocaleString('en')} |`;
    expect(reference).toContain(comment === undefined ? row : `${row} ${comment} |`);
  }
});
