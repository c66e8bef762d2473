import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { bundle, version } from './bundle.mjs';

afterEach(() => vi.unstubAllEnvs());

/** The bundle of the tiny host with this SOURCE_DATE_EPOCH. @param {string} epoch */
async function bundleAt(epoch) {
  vi.stubEnv('SOURCE_DATE_EPOCH', epoch);
  const folder = mkdtempSync(join(tmpdir(), 'rm-bundle-'));
  try {
    const outfile = join(folder, 'rm-agent.js');
    await bundle({ host: 'tiny', outfile, minify: false });
    return readFileSync(outfile, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('takes its date from SOURCE_DATE_EPOCH alone, and never from the clock', async () => {
  const plain = await bundleAt('');
  vi.setSystemTime(Date.UTC(2050, 0));
  expect(await bundleAt('')).toBe(plain);
  vi.useRealTimers();
  expect(await bundleAt('yesterday')).toBe(plain);
  expect(await bundleAt('1900000000')).toMatch(/Math\.max\(released, (?:1900000000|19e8) \* 1e3\)/);
});

it('has the version of the package where nothing is bundled, too', () => {
  const source = readFileSync(new URL('../agent/src/config/version.ts', import.meta.url), 'utf8');
  expect(source).toContain(`'${version}'`);
});
