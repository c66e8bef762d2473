// Makes a checkout ready to run: Node recent enough, npm packages as locked, TypeScript compiled, agent bundled.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ending } from './bound-process.mjs';
import { installed, needCompiler } from './debian.mjs';
import { step } from './step.mjs';

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
 * A step that all others need: without it, the process ends with its status and with what it has printed.
 * @param {Parameters<typeof step>} args
 */
async function needStep(...args) {
  const { status, output, signal } = await step(...args);
  if (status === 0) return;
  if (signal === undefined)
    process.stderr.write(`${output}${args[0]} failed: ${args[1]} ended with ${status}\n`);
  await installed();
  process.exit(signal === undefined ? 1 : status);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return;
  console.error(`Node ${process.versions.node} is too old: ${leastNode.join('.')} or later is needed`);
  process.exit(1);
}

/**
 * Puts the npm packages in place as locked, and begins to compile those with native code, which takes a minute of one core
 * (better-sqlite3, where npm carries no binary of it for this platform): other preparations need none of them. Ends the process
 * with one line when something is missing, and at a signal.
 *
 * @param {string} root
 * @returns {Promise<{ compiled: Promise<void> }>} `compiled`: when it resolves, all packages can be used
 */
export async function installPackages(root) {
  checkNode();
  // From here on a signal waits for apt-get, which must not be cut, and ends everything else.
  ending();
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).update(process.versions.modules).digest('hex');
  const stamp = join(root, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { compiled: Promise.resolve() };
  const compiler = needCompiler();
  await needStep('Installing npm packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
  });
  const compile = async () => {
    await compiler;
    const names = Object.keys(manifest.allowScripts ?? {});
    await needStep('Compiling npm packages, which takes a minute', 'npm', ['rebuild', ...names], {
      cwd: root,
      env: ownHeaders(),
    });
    writeFileSync(stamp, wanted);
  };
  return { compiled: compile() };
}

/**
 * As {@link installPackages}; all packages can be used when it resolves.
 * @param {string} root
 */
export async function install(root) {
  const { compiled } = await installPackages(root);
  await compiled;
}

/**
 * As {@link install}; when it resolves, the TypeScript projects (by default all) and the agent's bundle are built as well.
 * @param {string} root
 * @param {readonly string[]} projects
 */
export async function prepare(root, projects = []) {
  const { compiled } = await installPackages(root);
  await Promise.all([compiled, compile(root, projects)]);
}

/**
 * Builds the TypeScript projects (by default all) and the agent's bundle, or ends the process.
 * @param {string} root with its npm packages
 * @param {readonly string[]} [projects]
 */
export async function compile(root, projects = []) {
  await needStep('Compiling TypeScript', 'node_modules/.bin/tsc', ['-b', ...projects], { cwd: root });
  await needStep('Bundling the agent and the dashboard', process.execPath, ['toolchain/bundle.mjs'], {
    cwd: root,
  });
}
