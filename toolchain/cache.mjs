// Results of build steps, kept under the hash of everything that made them.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where fetched sources and built libraries are kept. Safe to delete. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rm-agent');

/**
 * SHA-256 in hexadecimal.
 * @param {string | NodeJS.ArrayBufferView} data
 */
export function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * The folder that `make` fills from `inputs`, which must name everything that has an influence on the content.
 * Two processes may make the same folder at once: the first to finish wins, and what both made is the same.
 * @param {string} name for people who look into the cache
 * @param {unknown} inputs
 * @param {(folder: string) => Promise<void>} make fills an empty folder; what it throws leaves nothing behind
 * @returns {Promise<string>}
 */
export async function cached(name, inputs, make) {
  const folder = join(cacheFolder, `${name}-${sha256(JSON.stringify(inputs)).slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheFolder, { recursive: true });
  const unfinished = mkdtempSync(join(cacheFolder, `.${name}-`));
  try {
    await make(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
