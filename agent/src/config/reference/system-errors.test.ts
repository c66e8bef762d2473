import { fileURLToPath } from 'node:url';
import { systemErrors } from 'rm-protocol';
import { expect, it } from 'vitest';

// `npm run reference -w agent` writes what this test compares.
const table = fileURLToPath(new URL('../../../tiny/src/system_errors.inc', import.meta.url));

it('the C host has the same system errors', async () => {
  const rows = Array.from(
    systemErrors,
    ([name, [code, words]]) => `SYSTEM_ERROR(${name}, "${code}", "${words}")`,
  );
  const head = '/* Generated from protocol/src/system-error.ts: npm run reference -w agent */';
  await expect(`${head}\n${rows.join('\n')}\n`).toMatchFileSnapshot(table);
});
