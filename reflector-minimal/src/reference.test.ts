import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { optionName, settings, variableName } from './configuration/settings.ts';
import { defaultLimits } from './limits.ts';

// `npm run reference -w rm-reflector` writes the pages that these tests compare.
const page = (name: string) => fileURLToPath(new URL(`../../docs/reference/${name}`, import.meta.url));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

test('docs/reference/reflector-settings.md has every setting with its default and help', async () => {
  const shown = (value: unknown) => {
    if (value === null) return '–';
    if (value === false) return 'no';
    return Array.isArray(value) ? 'none' : `\`${value}\``;
  };
  const rows = Object.entries(settings).map(([key, { help, type, default: initial }]) => {
    const option = `--${optionName(key)}${type.placeholder && ` ${type.placeholder}`}`;
    return [`\`${option}\``, `\`${variableName(key)}\``, `\`${key}\``, shown(initial), help];
  });
  await expect(`# Settings of the reflector

Generated from \`reflector-minimal/src/configuration/settings.ts\`. [The reflector](../reflector.md#settings) explains where
you can set them and which source wins.

${table(['option', 'environment variable', 'key in the file', 'default', 'meaning'], rows)}
`).toMatchFileSnapshot(page('reflector-settings.md'));
});

test('docs/reference/reflector-limits.md has every limit with its value and its reason', async () => {
  const source = readFileSync(new URL('limits.ts', import.meta.url), 'utf8');
  const rows = Object.entries(defaultLimits).map(([name, value]) => {
    const reason = new RegExp(`/\\*\\* ([^\\n]*) \\*/\\n  ${name}: `).exec(source)?.[1];
    expect([name, reason]).toEqual([name, expect.any(String)]);
    return [`\`${name}\``, value.toLocaleString('en'), reason ?? ''];
  });
  await expect(`# Limits of the reflector

Nothing in the reflector is unbounded. This page is generated from \`reflector-minimal/src/limits.ts\`. Sizes are in bytes,
times in milliseconds. A test breaks each limit on purpose.

${table(['limit', 'default', 'meaning'], rows)}
`).toMatchFileSnapshot(page('reflector-limits.md'));
});
