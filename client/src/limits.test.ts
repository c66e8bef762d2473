import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultLimits } from './limits.ts';

const reference = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');

test('docs/client.md has every bound with its value', () => {
  for (const [name, value] of Object.entries(defaultLimits)) {
    expect(reference).toContain(`| \`${name}\` | ${value.toLocaleString('en')} |`);
  }
});
