// Fetches the pinned sources through apt, from whatever Debian mirror this machine uses, and unpacks them.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cacheFolder, sha256 } from './cache.mjs';
import { sources } from './sources.mjs';
import { BuildError, run } from './subprocess.mjs';

/** Where our changes to the sources are. */
export const patchFolder = fileURLToPath(new URL('tiny/patches', import.meta.url));
const downloader = '/usr/lib/apt/apt-helper';

/** The Debian archives in this machine's apt configuration, in its order. */
async function debianArchives() {
  const lines = await run('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const archives = lines
    .split('\n')
    .filter((line) => /^(Debian)? /.test(line))
    .map((line) => line.split(' ')[1] ?? '');
  return [...new Set(archives)].filter((uri) => uri !== '');
}

/**
 * A file of a Debian archive.
 * @typedef {Pick<import('./sources.mjs').Source, 'version' | 'file' | 'pool' | 'sha256'>} PinnedFile
 */

/**
 * A file of a Debian archive by its place in the pool. There is no need for apt's lists: the content is pinned.
 * @param {PinnedFile} source
 * @param {string} path where to write it
 * @returns {Promise<string | undefined>} why there is none, in one line
 */
async function download({ pool, file, sha256 }, path) {
  if (!existsSync(downloader)) return `there is no ${downloader}`;
  const archives = await debianArchives();
  /** @type {string | undefined} */
  let refusal;
  for (const archive of archives) {
    // Security updates have a pool of their own, one folder further down.
    for (const place of [pool, `updates/${pool}`]) {
      const uri = `${archive}pool/${place}/${file}`;
      const options = ['-o', 'APT::Sandbox::User=', '-o', 'Acquire::Retries=2', '-q'];
      const fault = await run(downloader, [...options, 'download-file', uri, path, `SHA256:${sha256}`]).then(
        () => undefined,
        (/** @type {Error} */ error) => error.message,
      );
      if (fault === undefined) return undefined;
      rmSync(path, { force: true });
      // Of apt's words, the first line of those that say what went wrong; the pool of security updates has fewer files.
      if (place === pool) refusal ??= /^E: (.*)/m.exec(fault)?.[1] ?? fault.split('\n')[0] ?? '';
    }
  }
  return refusal ?? 'apt names none';
}

/**
 * The path of a file of a Debian archive, from the first of: the cache, the folder that `RM_AGENT_SOURCES` names, the
 * Debian mirrors in this machine's apt configuration.
 * @param {string} name for people
 * @param {PinnedFile} source
 * @param {string} pinnedIn the file of the checkout that pins it
 * @returns {Promise<string>}
 * @throws {BuildError}
 */
export async function pinnedFile(name, source, pinnedIn = 'toolchain/sources.mjs') {
  const folder = join(cacheFolder, 'sources');
  const path = join(folder, source.file);
  // One that a disk has spoilt is fetched again.
  if (existsSync(path) && sha256(readFileSync(path)) === source.sha256) return path;
  mkdirSync(folder, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  const own = process.env.RM_AGENT_SOURCES && join(process.env.RM_AGENT_SOURCES, source.file);
  try {
    if (own && existsSync(own)) {
      copyFileSync(own, unfinished);
    } else {
      console.error(`Fetching ${name} ${source.version} …`);
      const refusal = await download(source, unfinished);
      if (refusal !== undefined) {
        throw new BuildError(
          `${source.file} comes from no Debian mirror of this machine (${refusal}). A mirror drops a version once it is ` +
            `superseded: put the file (SHA-256 ${source.sha256}) into a folder named by RM_AGENT_SOURCES, ` +
            `or pin the newer version in ${pinnedIn}.`,
        );
      }
    }
    const found = sha256(readFileSync(unfinished));
    if (found !== source.sha256) {
      const from = own && existsSync(own) ? own : source.file;
      throw new BuildError(`${from} has SHA-256 ${found}, but ${source.sha256} is pinned`);
    }
    renameSync(unfinished, path);
    return path;
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/**
 * The folder with an unpacked and patched source.
 * @param {keyof typeof sources} name
 */
export async function unpackedSource(name) {
  const source = sources[name];
  const patches = (source.patches ?? []).map((patch) => readFileSync(join(patchFolder, patch), 'utf8'));
  return cached(`source-${name}`, { sha256: source.sha256, only: source.only, patches }, async (folder) => {
    const archive = await pinnedFile(name, source);
    const depth = source.only === undefined ? 1 : 1 + source.only.split('/').length;
    const part = source.only === undefined ? [] : ['--wildcards', `*/${source.only}/*`];
    await run('tar', [
      '--no-same-owner',
      '-xf',
      archive,
      '-C',
      folder,
      `--strip-components=${depth}`,
      ...part,
    ]);
    for (const patch of patches) await run('patch', ['-p1', '--fuzz=0'], { cwd: folder, input: patch });
  });
}
