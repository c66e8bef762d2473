import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** @type {string} */
let home;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rm-sources-'));
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'cache'));
  vi.stubEnv('RM_AGENT_SOURCES', join(home, 'own'));
  vi.resetModules();
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

describe('a source archive', () => {
  it('with another content than the pinned one is refused and not kept', async () => {
    const { unpackedSource } = await import('./fetch-source.mjs');
    const { sources } = await import('./sources.mjs');
    mkdirSync(join(home, 'own'));
    writeFileSync(join(home, 'own', sources.musl.file), 'something else');
    await expect(unpackedSource('musl')).rejects.toThrow(
      /^\/.*\/own\/musl_.* has SHA-256 [0-9a-f]{64}, but a9a118bb.* is pinned$/,
    );
    expect(readdirSync(join(home, 'cache/rm-agent/sources'))).toEqual([]);
  });

  it('that was spoilt in the cache is not used', async () => {
    const { unpackedSource } = await import('./fetch-source.mjs');
    const { sources } = await import('./sources.mjs');
    for (const folder of ['own', 'cache/rm-agent/sources']) {
      mkdirSync(join(home, folder), { recursive: true });
      writeFileSync(join(home, folder, sources.musl.file), `spoilt, of ${folder}`);
    }
    // That it looks elsewhere shows that it did not take the one in the cache.
    await expect(unpackedSource('musl')).rejects.toThrow(/\/own\/musl_.* has SHA-256/);
  });
});
