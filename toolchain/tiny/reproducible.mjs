// Proves that a build depends on nothing but its input: the same again from an empty cache, in other folders.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, sha256 } from '../cache.mjs';
import { BuildError, run } from '../subprocess.mjs';

const program = fileURLToPath(new URL('build-elsewhere.mjs', import.meta.url));

/**
 * @param {{ name: string, engine: string, without: readonly string[] }} options of {@link buildStatic}
 * @param {import('./build-static.mjs').Build} build what they gave
 * @throws {BuildError} when the second build differs
 */
export async function checkReproducible(options, { file }) {
  const folder = mkdtempSync(join(tmpdir(), 'rm-reproducible-'));
  try {
    const output = join(folder, 'output');
    // What was fetched is pinned by its hash; it need not travel twice.
    const env = {
      XDG_CACHE_HOME: join(folder, 'a-cache-with-a-longer-name'),
      RM_AGENT_SOURCES: join(cacheFolder, 'sources'),
    };
    await run(process.execPath, [program, JSON.stringify({ ...options, output })], { env, cwd: folder });
    for (const name of ['rm-agent', 'manifest.json', 'LICENSES']) {
      const first = sha256(readFileSync(join(file, '..', name)));
      const second = sha256(readFileSync(join(output, name)));
      if (first !== second) {
        throw new BuildError(
          `${options.name}: ${name} differs when built again (SHA-256 ${first} and ${second})`,
        );
      }
    }
    console.log(`${options.name}: built again from an empty cache, the same bytes`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
