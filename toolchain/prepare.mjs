// Makes a checkout ready to run: Node recent enough, npm packages as locked, TypeScript compiled, agent bundled.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { ending, spawnBound } from './bound-process.mjs';
import { needCompiler } from './debian.mjs';
import { announce } from './progress.mjs';

/** Major and minor version. */
const leastNode = /** @type {const} */ ([20, 19]);

/**
 * For node-gyp: the headers that came with this Node, where there are any, so that nothing has to be downloaded from
 * nodejs.org to compile better-sqlite3.
 * @param {string} [prefix] where Node is installed
 * @returns {Record<string, string>}
 */
export function ownHeaders(prefix = join(dirname(process.execPath), '..')) {
  const file = join(prefix, 'include/node/node_version.h');
  if (!existsSync(file)) return {};
  const text = readFileSync(file, 'utf8');
  const part = (/** @type {string} */ name) =>
    new RegExp(`^#define NODE_${name}_VERSION (\\d+)$`, 'm').exec(text)?.[1];
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
  return version === process.versions.node ? { npm_package_config_node_gyp_nodedir: prefix } : {};
}

/**
 * Announces and runs one command, whose output appears only if it fails. It does not outlive us, and a signal meanwhile
 * ends both.
 *
 * @param {string} root
 * @param {string} title
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} env adds to our own
 */
async function step(root, title, command, args, env = {}) {
  const done = announce(title);
  const { child, exited, stop } = spawnBound(command, args, { cwd: root, output: 'pipe', env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const closed = once(child, 'close');
  const first = await Promise.race([exited, ending()]);
  done();
  if (typeof first !== 'number') {
    await stop();
    process.exit(128 + constants.signals[first]);
  }
  await closed;
  if (first === 0) return;
  process.stderr.write(output);
  console.error(`${title} failed: ${command} ended with ${first}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return;
  console.error(`Node ${process.versions.node} is too old: ${leastNode.join('.')} or later is needed`);
  process.exit(1);
}

/** @param {string} root */
async function installPackages(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).update(process.versions.modules).digest('hex');
  const stamp = join(root, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  // better-sqlite3 is compiled where npm carries no binary of it for this platform.
  await needCompiler();
  await step(
    root,
    'Installing npm packages, which takes a minute or two',
    'npm',
    ['ci', '--no-audit', '--no-fund'],
    ownHeaders(),
  );
  writeFileSync(stamp, wanted);
}

/**
 * Ends the process with one line when something is missing, and at a signal; otherwise the npm packages are installed when
 * it resolves.
 * @param {string} root
 */
export async function install(root) {
  checkNode();
  // From here on a signal waits for apt-get, which must not be cut, and ends everything else.
  ending();
  await installPackages(root);
}

/**
 * As {@link install}; when it resolves, the TypeScript projects (by default all) and the agent's bundle are built as well.
 * @param {string} root
 * @param {readonly string[]} projects
 */
export async function prepare(root, projects = []) {
  await install(root);
  await step(root, 'Compiling TypeScript', join(root, 'node_modules/.bin/tsc'), ['-b', ...projects]);
  await step(root, 'Bundling the agent', process.execPath, ['toolchain/bundle.mjs']);
}
