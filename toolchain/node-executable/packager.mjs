// The npm packages that put a script into a Node executable, installed apart from the workspace, as locked.
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, sha256 } from '../cache.mjs';
import { run } from '../subprocess.mjs';

const folder = fileURLToPath(new URL('packager', import.meta.url));

/** A folder whose `node_modules` holds pkg and postject. */
export async function packager() {
  const files = ['package.json', 'package-lock.json'];
  const inputs = [process.arch, ...files.map((name) => sha256(readFileSync(join(folder, name))))];
  return cached('packager', inputs, async (unfinished) => {
    console.error('Installing pkg and postject into the cache …');
    for (const name of files) copyFileSync(join(folder, name), join(unfinished, name));
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: unfinished });
  });
}
