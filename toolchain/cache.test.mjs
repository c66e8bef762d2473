import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** @type {string} */
let home;
/** @type {typeof import('./cache.mjs')} */
let cache;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'rm-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', home);
  vi.resetModules();
  cache = await import('./cache.mjs');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

/** @param {string} text */
const writing = (text) =>
  vi.fn(async (/** @type {string} */ folder) => writeFileSync(join(folder, 'made'), text));

describe('cached', () => {
  it('makes a folder once for the same inputs, and another for others', async () => {
    const make = writing('one');
    const first = await cache.cached('thing', { flags: ['-Os'] }, make);
    expect(await cache.cached('thing', { flags: ['-Os'] }, make)).toBe(first);
    expect(make).toHaveBeenCalledTimes(1);
    expect(await cache.cached('thing', { flags: ['-O2'] }, make)).not.toBe(first);
    expect(make).toHaveBeenCalledTimes(2);
  });

  it('leaves nothing behind when making fails, so that the next try starts afresh', async () => {
    const broken = async (/** @type {string} */ folder) => {
      writeFileSync(join(folder, 'made'), 'half');
      throw new Error('no compiler');
    };
    await expect(cache.cached('thing', 1, broken)).rejects.toThrow('no compiler');
    expect(readdirSync(cache.cacheFolder)).toEqual([]);
    const folder = await cache.cached('thing', 1, writing('whole'));
    expect(readFileSync(join(folder, 'made'), 'utf8')).toBe('whole');
  });

  it('forgets what was not used for the longest time, of this name alone', async () => {
    const other = await cache.cached('thing-else', 0, writing('other'));
    const folders = [];
    for (let input = 0; input < 12; input++) folders.push(await cache.cached('thing', input, writing('old')));
    for (const [index, folder] of folders.entries()) utimesSync(folder, index + 1, index + 1);
    await cache.cached('thing', 0, writing('used again'));
    await cache.cached('thing', 'new', writing('new'));
    expect(folders.map((folder) => existsSync(folder))).toEqual([true, false, ...Array(10).fill(true)]);
    expect(existsSync(other)).toBe(true);
  });

  it('lets two make the same folder at once', async () => {
    const both = await Promise.all([
      cache.cached('thing', 1, writing('same')),
      cache.cached('thing', 1, writing('same')),
    ]);
    expect(both[0]).toBe(both[1]);
    expect(readdirSync(cache.cacheFolder)).toHaveLength(1);
    expect(existsSync(join(both[0] ?? '', 'made'))).toBe(true);
  });
});
