// Results of build steps, kept under the hash of everything that made them.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
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

/** Of each name so many results stay; the older ones were made from something that has changed since. */
const keptOfEach = 12;

/** @param {string} name */
function removeOld(name) {
  const results = readdirSync(cacheFolder)
    .filter((entry) => entry.startsWith(`${name}-`) && /^[0-9a-f]{16}$/.test(entry.slice(name.length + 1)))
    .map((entry) => join(cacheFolder, entry))
    .map((folder) => ({ folder, used: statSync(folder).mtimeMs }))
    .sort((a, b) => b.used - a.used);
  for (const { folder } of results.slice(keptOfEach)) rmSync(folder, { recursive: true, force: true });
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
  if (existsSync(folder)) {
    const now = new Date();
    utimesSync(folder, now, now);
    return folder;
  }
  mkdirSync(cacheFolder, { recursive: true });
  const unfinished = mkdtempSync(join(cacheFolder, `.${name}-`));
  try {
    await make(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  removeOld(name);
  return folder;
}
