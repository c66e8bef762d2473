// The npm packages that judge a release in tests, installed apart from the workspace, as locked.
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, sha256 } from '../cache.mjs';
import { run } from '../subprocess.mjs';

const folder = fileURLToPath(new URL('checkers', import.meta.url));

/** The folder `node_modules` with publint, attw, ajv and the schemas of CycloneDX. */
export async function checkers() {
  const files = ['package.json', 'package-lock.json'];
  const inputs = files.map((name) => sha256(readFileSync(join(folder, name))));
  const installed = await cached('release-checkers', inputs, async (unfinished) => {
    for (const name of files) copyFileSync(join(folder, name), join(unfinished, name));
    const options = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
    await run('npm', ['ci', ...options], { cwd: unfinished });
  });
  return join(installed, 'node_modules');
}
