// Which commit the source tree is, and the time that stands in everything we write: never the clock of this machine.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** `git archive` puts the commit and its time into this file (gitattributes(5), `export-subst`), for a tree without `.git`. */
const archived = fileURLToPath(new URL('COMMIT', import.meta.url));

/** @param {string[]} args */
function git(...args) {
  // Not the repository that this tree may have been unpacked into.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: join(root, '..') };
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8', env });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * @typedef {object} Commit
 * @property {string} id 40 hexadecimal digits; with `-dirty` if tracked files have changed since; empty if nobody knows
 * @property {number} time in seconds since 1970, 0 if nobody knows
 */

/**
 * @param {string} words `ID TIME`
 * @returns {Commit}
 */
export function parseCommit(words) {
  const [, id = '', time = '0'] = /^([0-9a-f]{40}) (\d{1,12})$/.exec(words.trim()) ?? [];
  return { id, time: Number(time) };
}

/**
 * The commit that this source tree is.
 * @returns {Commit}
 */
export function commit() {
  const words = git('log', '-1', '--format=%H %ct');
  const found = parseCommit(words ?? readFileSync(archived, 'utf8'));
  const dirty = words !== undefined && git('status', '--porcelain', '--untracked-files=no') !== '';
  return dirty ? { ...found, id: `${found.id}-dirty` } : found;
}

/** As `rm-agent --version` says it: 12 digits, with `-dirty` where {@link commit} has that, or `unknown`. */
export function shortCommit() {
  const { id } = commit();
  return id === '' ? 'unknown' : id.slice(0, 12) + id.slice(40);
}

/**
 * Seconds since 1970: `SOURCE_DATE_EPOCH` (reproducible-builds.org) where it is set, else the time of the commit.
 * @returns {number}
 */
export function sourceDate() {
  const epoch = process.env.SOURCE_DATE_EPOCH ?? '';
  return /^\d{1,12}$/.test(epoch) ? Number(epoch) : commit().time;
}
