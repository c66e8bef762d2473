#!/usr/bin/env node
// The entry of every npm script: prepares the checkout (dependencies, build), then hands over.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [task = '', ...rest] = process.argv.slice(2);

/** Runs a command in the root of the checkout and ends with its status if it fails. */
function run(command, ...args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) fail(`${command}: ${error.message}`);
  if (signal) process.exit(130);
  if (status !== 0) process.exit(status ?? 1);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

/**
 * What waits for peers runs side by side; what measures memory or drives a browser runs after it, alone. What is on demand
 * runs only when it is named.
 * @param {readonly string[]} args for vitest
 * @param {readonly string[]} driven names of the executables that are built
 */
function testAll(args, driven) {
  // Each by its name: vitest takes several projects that are to be left out for no choice at all.
  const named = (projects) => projects.map((project) => `--project=${project}`);
  const scenarios = process.env.RM_AGENT ? ['scenarios'] : driven.map((name) => `scenarios-${name}`);
  const sideBySide = ['unit', 'native', ...scenarios];
  if (args.length > 0) {
    const chosen = args.some((arg) => arg.startsWith('--project'));
    run(bin('vitest'), 'run', ...args, ...(chosen ? [] : named([...sideBySide, 'e2e'])));
    return;
  }
  run(bin('vitest'), 'run', ...named(sideBySide));
  run(bin('vitest'), 'run', ...named(['e2e']));
}

const bin = (name) => `node_modules/.bin/${name}`;

const tasks = {
  async start() {
    prepare(root, ['agent/src/host/node', 'reflector-minimal', 'client', 'examples/demo-device']);
    // In this process: a signal sent to it alone must end everything, too.
    const { start } = await import('./start.mjs');
    process.exit(await start(rest));
  },
  async test() {
    prepare(root);
    const { needPackages, peers } = await import('./debian.mjs');
    const { drivenBy } = await import('./executables.mjs');
    const driven = drivenBy(rest);
    needPackages(peers);
    needPackages([...new Set(driven.flatMap(({ packages }) => packages))]);
    run(bin('biome'), 'check', '--error-on-warnings', '.');
    for (const { build, clockless } of driven) {
      if (build.length === 0) continue;
      run(process.execPath, 'toolchain/build.mjs', ...build);
      if (clockless !== undefined) run(process.execPath, 'toolchain/build.mjs', ...build, '--clockless');
    }
    testAll(
      rest,
      driven.map(({ name }) => name),
    );
  },
  async bench() {
    prepare(root);
    const { needPackages } = await import('./debian.mjs');
    needPackages(['openssh-client', 'openssh-server', 'openssl']);
    run(process.execPath, 'test/dist/bench/main.js', ...rest);
  },
  /** One reflector: sessions, a fleet that comes back, and requests beside nginx. */
  async 'bench:reflector'() {
    prepare(root);
    const { needPackages } = await import('./debian.mjs');
    needPackages(['nginx-light', 'openssl', 'wrk']);
    run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    run(process.execPath, 'test/dist/bench/reflector/main.js', ...rest);
  },
  async 'bench:networks'() {
    prepare(root);
    const { needPackages, networks } = await import('./debian.mjs');
    needPackages(networks);
    run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    run(process.execPath, 'test/dist/bench/networks.js', ...rest);
  },
  soak() {
    prepare(root);
    run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    run(process.execPath, 'test/dist/soak/main.js', ...rest);
  },
  /** Longer than `npm test` does it, and with other seeds. */
  fuzz() {
    prepare(root);
    run(process.execPath, 'toolchain/fuzz.mjs', ...rest);
  },
  build() {
    prepare(root);
    run(process.execPath, 'toolchain/build.mjs', ...rest);
  },
  'demo-device'() {
    prepare(root, ['examples/demo-device']);
    run(process.execPath, 'examples/demo-device/dist/main.js', ...rest);
  },
};

const chosen = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
if (!chosen) fail(`usage: run.mjs ${Object.keys(tasks).join('|')} [arguments]`);
await chosen();
