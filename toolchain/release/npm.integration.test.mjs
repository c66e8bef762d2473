import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../subprocess.mjs';
import { checkers } from './checkers.mjs';
import { npmPackage, workspaces } from './npm.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rm-npm-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A project that has the packages installed from their tarballs, and the others from the workspace. */
const consumer = join(folder, 'consumer');
/** @type {Map<string, string>} */
const tarballs = new Map();
let tools = '';

beforeAll(async () => {
  tools = await checkers();
  const modules = join(consumer, 'node_modules');
  mkdirSync(modules, { recursive: true });
  const own = ['rm-protocol', 'rm-agent', 'rm-reflector', 'rm-server', 'rm-client'];
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!own.includes(name) && !name.startsWith('.'))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  for (const workspace of workspaces) {
    const { file, content } = await npmPackage(workspace);
    const path = join(folder, file);
    writeFileSync(path, content);
    tarballs.set(workspace, path);
    const { name } = JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'));
    mkdirSync(join(modules, name));
    await run('tar', ['-xzf', path, '-C', join(modules, name), '--strip-components=1']);
  }
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }\n');
});

describe('the npm packages', () => {
  it.each(workspaces)('%s has no files but its own', async (workspace) => {
    const files = (await run('tar', ['-tzf', tarballs.get(workspace) ?? ''])).trim().split('\n');
    expect(files).toEqual(expect.arrayContaining(['package/LICENSE', 'package/README.md']));
    const others = /\.tsbuildinfo$|\.map$|\.test\.|\/testing\/|\/simulation\/|dist\/tiny\/|\.c$/;
    expect(files.filter((file) => others.test(file))).toEqual([]);
    const about = JSON.parse(
      await run('tar', ['-xOzf', tarballs.get(workspace) ?? '', 'package/package.json']),
    );
    expect(about).toMatchObject({
      license: 'MIT',
      repository: { type: 'git', directory: workspace },
      homepage: expect.stringMatching(/^https:/),
    });
  });

  it('rm-server has the dashboard, whole', async () => {
    const tarball = tarballs.get('server') ?? '';
    const files = (await run('tar', ['-tzf', tarball])).trim().split('\n');
    const list = JSON.parse(await run('tar', ['-xOzf', tarball, 'package/dist/assets/assets.json']));
    expect(list.files).toEqual(expect.arrayContaining([list.script, list.style, list.icon]));
    for (const name of list.files) expect(files).toContain(`package/dist/assets/${name}`);
  });

  it.each(workspaces)('%s is the same when packed again, whoever has compiled it when', async (workspace) => {
    const { bin = {} } = JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'));
    for (const path of Object.values(bin)) chmodSync(join(root, workspace, path), 0o644);
    const { content } = await npmPackage(workspace);
    expect(content.equals(readFileSync(tarballs.get(workspace) ?? ''))).toBe(true);
  });

  it.each(workspaces)('%s passes publint', async (workspace) => {
    const program = join(tools, 'publint/src/cli.js');
    await run(process.execPath, [program, tarballs.get(workspace) ?? '', '--strict']);
  });

  it.each(['protocol', 'agent', 'reflector-minimal'])(
    '%s gives every importer its types',
    async (workspace) => {
      const program = join(tools, '@arethetypeswrong/cli/dist/index.js');
      await run(process.execPath, [program, tarballs.get(workspace) ?? '', '--profile', 'esm-only']);
    },
  );

  it('can be imported and compiled against', async () => {
    const script = [
      "import { Agent } from 'rm-agent';",
      "import { Reflector } from 'rm-reflector';",
      "import * as protocol from 'rm-protocol';",
      'export { Agent, Reflector, protocol };',
    ];
    writeFileSync(join(consumer, 'types.ts'), script.join('\n'));
    const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--noEmit', '--types', 'node'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, ...options, '--skipLibCheck', 'false', 'types.ts'], { cwd: consumer });
    const started = await run(
      process.execPath,
      ['-e', "import('rm-agent').then(({ Agent }) => console.log(typeof Agent))"],
      { cwd: consumer },
    );
    expect(started).toBe('function\n');
  });

  it.each([
    ['rm-agent', 'dist/node/main.js', 'rm-agent 0.'],
    ['rm-reflector', 'dist/main.js', ''],
    ['rm-client', 'dist/main.js', ''],
  ])('the program %s starts', async (name, file, words) => {
    const program = join(consumer, 'node_modules', name, file);
    const output = await run(process.execPath, [program, name === 'rm-agent' ? '--version' : '--help']);
    expect(output).toContain(words);
  });
});
