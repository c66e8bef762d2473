// Makes a checkout ready to run: Node recent enough, npm packages as locked, TypeScript compiled, agent bundled.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needCompiler } from './debian.mjs';

const leastNode = [20, 19];

function step(root, title, command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (!error && status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  console.error(`${title} failed: ${error ? error.message : `${command} ended with ${status}`}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return;
  console.error(`Node ${process.versions.node} is too old: ${leastNode.join('.')} or later is needed`);
  process.exit(1);
}

function installPackages(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).update(process.versions.modules).digest('hex');
  const stamp = join(root, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('Installing npm packages …');
  // better-sqlite3 is compiled where npm carries no binary of it for this platform.
  needCompiler();
  step(root, 'Installing npm packages', 'npm', ['ci', '--no-audit', '--no-fund']);
  writeFileSync(stamp, wanted);
}

/**
 * Ends the process with one line when something is missing; otherwise the TypeScript projects (by default all) and the
 * agent's bundle are built when it returns.
 * @param {string} root
 * @param {readonly string[]} projects
 */
export function prepare(root, projects = []) {
  checkNode();
  installPackages(root);
  step(root, 'Compiling', join(root, 'node_modules/.bin/tsc'), ['-b', ...projects]);
  step(root, 'Bundling', process.execPath, ['toolchain/bundle.mjs']);
}
