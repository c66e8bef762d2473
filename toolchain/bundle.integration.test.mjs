import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { version } from './bundle.mjs';
import { bundledScript } from './tiny/scripts.mjs';

afterEach(() => vi.unstubAllEnvs());

/** The scripts of the tiny host with this SOURCE_DATE_EPOCH. @param {string} epoch */
function bundleAt(epoch) {
  vi.stubEnv('SOURCE_DATE_EPOCH', epoch);
  return bundledScript({});
}

it('takes its date from SOURCE_DATE_EPOCH alone, and never from the clock', async () => {
  const plain = await bundleAt('');
  vi.setSystemTime(Date.UTC(2050, 0));
  expect(await bundleAt('')).toBe(plain);
  vi.useRealTimers();
  expect(await bundleAt('yesterday')).toBe(plain);
  const dated = await bundleAt('1900000000');
  // Not the whole script in the report of a failure.
  expect(/Math\.max\([\w$]+,19e8\*1e3\)/.test(dated)).toBe(true);
});

it('has the version of the package where nothing is bundled, too', () => {
  const source = readFileSync(new URL('../agent/src/config/version.ts', import.meta.url), 'utf8');
  expect(source).toContain(`'${version}'`);
});
