#!/usr/bin/env node
// The entry of every npm script: prepares the checkout (dependencies, build), then hands over.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ending, runBound } from './bound-process.mjs';
import { install, prepare } from './prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [task = '', ...rest] = process.argv.slice(2);

/**
 * Runs a command in the root of the checkout and ends with its status if it fails.
 * @param {string} command
 * @param {string[]} args
 */
async function run(command, ...args) {
  const status = await runBound(command, args, { cwd: root });
  if (status !== 0) process.exit(status);
}

/**
 * Runs a command that reads keys, and passes on the signals that end it.
 * @param {string} command
 * @param {string[]} args
 */
async function runAtTerminal(command, ...args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  ending().then((signal) => child.kill(signal));
  const [status, signal] = /** @type {[number | null, NodeJS.Signals | null]} */ (await once(child, 'exit'));
  return status ?? 128 + constants.signals[signal ?? 'SIGKILL'];
}

/** The examples that are programs. */
function examples(/** @type {string} */ checkout) {
  return readdirSync(join(checkout, 'examples')).filter((name) =>
    existsSync(join(checkout, 'examples', name, 'src/main.ts')),
  );
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/** @type {Readonly<Record<string, () => Promise<void>>>} */
const tasks = {
  async start() {
    await prepare(root, ['agent/sdk', 'server', 'client', 'examples/demo-device']);
    const { start } = await import('./start.mjs');
    process.exit(await start(rest));
  },
  /** `rm-server` of this checkout, with the arguments that it takes. */
  async server() {
    await prepare(root, ['server']);
    await run(process.execPath, 'server/dist/main.js', ...rest);
  },
  async test() {
    const { runTests } = await import('./test-run.mjs');
    process.exit(await runTests(root, 'test', rest));
  },
  /** Every executable that `test` does not drive, and the other versions of Node. */
  async 'test:all'() {
    const { runTests } = await import('./test-run.mjs');
    process.exit(await runTests(root, 'test:all', rest));
  },
  async 'test:unit'() {
    await install(root);
    await run('node_modules/.bin/vitest', 'run', '--project=unit', ...rest);
  },
  async 'test:watch'() {
    await install(root);
    process.exit(await runAtTerminal('node_modules/.bin/vitest', 'watch', '--project=unit', ...rest));
  },
  async bench() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    await needPackages(['openssh-client', 'openssh-server', 'openssl']);
    await run(process.execPath, 'test/dist/bench/main.js', ...rest);
  },
  /** One reflector: sessions, a fleet that comes back, and requests beside a minimal proxy and nginx. */
  async 'bench:reflector'() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    await needPackages(['nginx-light', 'openssl']);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/bench/reflector/main.js', ...rest);
  },
  /** One server: pages of the list of devices, tunnels while the API is flooded, and what people see over slow links. */
  async 'bench:server'() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    const ofLatency = ['openssh-client', 'openssh-server', 'tigervnc-standalone-server', 'x11-utils'];
    await needPackages(['chromium', 'transmission-daemon', ...ofLatency]);
    await run(process.execPath, 'test/dist/bench/server/main.js', ...rest);
  },
  /** 1,000 to 50,000 idle devices on one server with several workers, and how they come back. */
  async 'bench:scale'() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    await needPackages(['openssl', 'postgresql']);
    await run(process.execPath, 'test/dist/bench/scale/main.js', ...rest);
  },
  /** Three nodes in network namespaces, one of which is killed with all devices on it. */
  async 'bench:node-loss'() {
    await prepare(root);
    const { needPackages, clusters } = await import('./debian.mjs');
    await needPackages(clusters);
    await run(process.execPath, 'test/dist/bench/scale/node-loss.js', ...rest);
  },
  /** From a command at mosquitto until a service of the device answers. */
  async 'bench:mqtt'() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    await needPackages(['mosquitto']);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/bench/mqtt.js', ...rest);
  },
  async 'bench:networks'() {
    await prepare(root);
    const { needPackages, networks } = await import('./debian.mjs');
    await needPackages(networks);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/bench/networks.js', ...rest);
  },
  /** A picture of every page of dashboard, terminal and desktop, in both themes, on large and small screens: dist/screenshots. */
  async screenshots() {
    await prepare(root);
    const { needPackages, peers } = await import('./debian.mjs');
    await needPackages(peers);
    process.env.RM_SCREENSHOTS ??= join(root, 'dist/screenshots');
    await run(
      'node_modules/.bin/vitest',
      'run',
      '--project=integration',
      '--project=long',
      'server/src/dashboard/pages',
      ...rest,
    );
    await run(
      'node_modules/.bin/vitest',
      'run',
      '--project=integration',
      'server/src/desk',
      '--testNamePattern=nothing that axe finds',
      ...rest,
    );
  },
  async soak() {
    await prepare(root);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/soak/main.js', ...rest);
  },
  async mutation() {
    await install(root);
    const { mutation } = await import('./mutation/mutation.mjs');
    process.exit(await mutation(root, rest));
  },
  /** Longer than `npm test` does it, and with other seeds. */
  async fuzz() {
    await prepare(root);
    await run(process.execPath, 'toolchain/fuzz.mjs', ...rest);
  },
  /** Nodes that share a database, with simulated faults. */
  async chaos() {
    await install(root);
    const { chaos } = await import('./chaos.mjs');
    process.exit(await chaos(root, rest));
  },
  /** Nodes of another commit become those of this checkout, with devices on line. */
  async upgrade() {
    await prepare(root);
    const { needPackages, clusters } = await import('./debian.mjs');
    await needPackages(clusters);
    const { upgrade } = await import('./upgrade.mjs');
    process.exit(await upgrade(root, rest));
  },
  /** An emulated board beside a reflector, until Ctrl-C. */
  async qemu() {
    await prepare(root, ['reflector-minimal', 'client']);
    const { qemu } = await import('./qemu/main.mjs');
    process.exit(await qemu(rest));
  },
  async build() {
    await prepare(root);
    await run(process.execPath, 'toolchain/build.mjs', ...rest);
  },
  /** The documents and the API references as static pages, dist/docs. */
  async docs() {
    await prepare(root, ['agent/sdk']);
    await run(process.execPath, 'toolchain/docs/docs.mjs', ...rest);
  },
  async board() {
    await prepare(root, ['agent/sdk']);
    await run(process.execPath, 'toolchain/boards/make-board.mjs', ...rest);
  },
  /** One of the examples that need a reflector and an agent. */
  async example() {
    const [name = '', ...args] = rest;
    if (!/^[a-z-]+$/.test(name) || !existsSync(join(root, 'examples', name, 'src/main.ts'))) {
      fail(`usage: npm run example -- ${examples(root).join('|')}`);
    }
    await prepare(root, ['agent/sdk', 'client', `examples/${name}`]);
    await run(process.execPath, `examples/${name}/dist/main.js`, ...args);
  },
  async release() {
    await prepare(root);
    await run(process.execPath, 'toolchain/release/release.mjs', ...rest);
  },
  async 'demo-device'() {
    await prepare(root, ['examples/demo-device']);
    await run(process.execPath, 'examples/demo-device/dist/main.js', ...rest);
  },
};

const chosen = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
if (!chosen) fail(`usage: run.mjs ${Object.keys(tasks).join('|')} [arguments]`);
await chosen();
