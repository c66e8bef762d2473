// The npm packages of a release, as `npm pack` makes them of the compiled workspaces.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../subprocess.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** In the order in which they depend on one another: publish them in it. */
export const workspaces = /** @type {const} */ ([
  'protocol',
  'agent',
  'reflector-minimal',
  'server',
  'client',
]);

/** Where the source of a compiled file is, in the workspaces whose `dist` is compiled from `src` or from themselves. */
const sourceFolders = {
  protocol: 'src',
  agent: '.',
  'reflector-minimal': 'src',
  server: 'src',
  client: 'src',
};

/**
 * Removes compiled files whose source is gone: tsc leaves them in `dist`, and they must not be published.
 * @param {typeof workspaces[number]} workspace
 */
function removeLeftovers(workspace) {
  const dist = join(root, workspace, 'dist');
  for (const file of readdirSync(dist, { encoding: 'utf8', recursive: true })) {
    // Pages, of which only what was bundled last is there.
    if (workspace === 'server' && /^(desk-)?assets\//.test(file)) continue;
    const [, path] = /^(.*?)\.(js|d\.ts)(\.map)?$/.exec(file) ?? [];
    const source = join(root, workspace, sourceFolders[workspace], `${path}.ts`);
    if (path !== undefined && !existsSync(source)) rmSync(join(dist, file));
  }
}

/**
 * Makes its programs executable, and no other file: `npm install` does so only if they have been compiled before it.
 * @param {typeof workspaces[number]} workspace
 */
function setModes(workspace) {
  /** @type {{ bin?: Readonly<Record<string, string>> }} */
  const { bin = {} } = JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'));
  for (const path of Object.values(bin)) chmodSync(join(root, workspace, path), 0o755);
}

/**
 * @param {typeof workspaces[number]} workspace whose `dist` is compiled
 * @returns {Promise<{ file: string, content: Buffer }>} always the same bytes for the same files
 */
export async function npmPackage(workspace) {
  removeLeftovers(workspace);
  setModes(workspace);
  const folder = mkdtempSync(join(tmpdir(), 'rm-npm-'));
  try {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const [packed] = JSON.parse(await run('npm', args, { cwd: join(root, workspace) }));
    return { file: packed.filename, content: readFileSync(join(folder, packed.filename)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
