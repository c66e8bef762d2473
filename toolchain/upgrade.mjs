// `npm run upgrade`: builds the server of another commit, and upgrades a cluster of it to that of this checkout.
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runBound } from './bound-process.mjs';
import { step } from './step.mjs';
import { run } from './subprocess.mjs';

const usage = `Usage: npm run upgrade -- --from COMMIT

Three rm-server nodes of COMMIT, PostgreSQL with a synchronous replica, HAProxy and two agents, each in a network namespace of its own.
One node after the other is drained, stopped and started as the server of this checkout, while every device is asked through every node.
`;

/**
 * The npm packages of the checkout, for a work tree: those of the workspaces are the ones of the work tree.
 * @param {string} root
 * @param {string} tree
 */
function linkPackages(root, tree) {
  mkdirSync(join(tree, 'node_modules'));
  for (const entry of readdirSync(join(root, 'node_modules'), { withFileTypes: true })) {
    const { name } = entry;
    const source = join(root, 'node_modules', name);
    // npm links workspaces by relative paths.
    symlinkSync(entry.isSymbolicLink() ? readlinkSync(source) : source, join(tree, 'node_modules', name));
  }
}

/**
 * @param {string} root of the checkout
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit status
 */
export async function upgrade(root, args) {
  const { values: options } = parseArgs({
    args: [...args],
    options: { from: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  const { from } = options;
  if (options.help || !from) {
    process.stdout.write(usage);
    return options.help ? 0 : 64;
  }
  const ofCommit = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${from}^{commit}`];
  const commit = (await run('git', ofCommit, { cwd: root }).catch(() => '')).trim();
  if (commit === '') {
    console.error(`upgrade: no commit ${from} in this checkout`);
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), 'rm-upgrade-'));
  const tree = join(folder, 'tree');
  try {
    await run('git', ['worktree', 'add', '--detach', tree, commit], { cwd: root });
    linkPackages(root, tree);
    for (const [title, command, ...words] of /** @type {const} */ ([
      [`Compiling the server of ${from}`, 'node_modules/.bin/tsc', '-b', 'server'],
      [`Bundling the dashboard of ${from}`, process.execPath, 'toolchain/bundle.mjs'],
    ])) {
      const { status, output, signal } = await step(title, command, words, { cwd: tree });
      if (signal !== undefined) return status;
      if (status !== 0) {
        console.error(
          `upgrade: ${from} does not build with the npm packages of this checkout: ${output.trim().split('\n')[0]}`,
        );
        return 1;
      }
    }
    const main = join(tree, 'server/dist/main.js');
    return await runBound(
      process.execPath,
      ['test/dist/networks/upgrade.js', '--main', main, '--name', from],
      { cwd: root },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await run('git', ['worktree', 'prune'], { cwd: root });
  }
}
