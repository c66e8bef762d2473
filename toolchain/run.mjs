#!/usr/bin/env node
// The entry of every npm script: prepares the checkout (dependencies, build), then hands over.
import { fileURLToPath } from 'node:url';
import { runBound } from './bound-process.mjs';
import { prepare } from './prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [task = '', ...rest] = process.argv.slice(2);

/** Runs a command in the root of the checkout and ends with its status if it fails. */
async function run(command, ...args) {
  const status = await runBound(command, args, { cwd: root });
  if (status !== 0) process.exit(status);
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
async function testAll(args, driven) {
  // Each by its name: vitest takes several projects that are to be left out for no choice at all.
  const named = (projects) => projects.map((project) => `--project=${project}`);
  const scenarios = process.env.RM_AGENT ? ['scenarios'] : driven.map((name) => `scenarios-${name}`);
  const sideBySide = ['unit', 'native', ...scenarios];
  if (args.length > 0) {
    const chosen = args.some((arg) => arg.startsWith('--project'));
    await run(bin('vitest'), 'run', ...args, ...(chosen ? [] : named([...sideBySide, 'devices', 'e2e'])));
    return;
  }
  await run(bin('vitest'), 'run', ...named(sideBySide));
  await run(bin('vitest'), 'run', ...named(['devices']));
  await run(bin('vitest'), 'run', ...named(['e2e']));
}

const bin = (name) => `node_modules/.bin/${name}`;

const tasks = {
  async start() {
    await prepare(root, ['agent/src/host/node', 'reflector-minimal', 'client', 'examples/demo-device']);
    const { start } = await import('./start.mjs');
    process.exit(await start(rest));
  },
  async test() {
    await prepare(root);
    const { needPackages, peers } = await import('./debian.mjs');
    const { drivenBy } = await import('./executables.mjs');
    const driven = drivenBy(rest);
    needPackages(peers);
    needPackages([...new Set(driven.flatMap(({ packages }) => packages))]);
    await run(bin('biome'), 'check', '--error-on-warnings', '.');
    for (const { build, clockless } of driven) {
      if (build.length === 0) continue;
      await run(process.execPath, 'toolchain/build.mjs', ...build);
      if (clockless !== undefined)
        await run(process.execPath, 'toolchain/build.mjs', ...build, '--clockless');
    }
    await testAll(
      rest,
      driven.map(({ name }) => name),
    );
  },
  async bench() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    needPackages(['openssh-client', 'openssh-server', 'openssl']);
    await run(process.execPath, 'test/dist/bench/main.js', ...rest);
  },
  /** One reflector: sessions, a fleet that comes back, and requests beside nginx. */
  async 'bench:reflector'() {
    await prepare(root);
    const { needPackages } = await import('./debian.mjs');
    needPackages(['nginx-light', 'openssl', 'wrk']);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/bench/reflector/main.js', ...rest);
  },
  async 'bench:networks'() {
    await prepare(root);
    const { needPackages, networks } = await import('./debian.mjs');
    needPackages(networks);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/bench/networks.js', ...rest);
  },
  async soak() {
    await prepare(root);
    await run(process.execPath, 'toolchain/build.mjs', '--target', 'x86_64');
    await run(process.execPath, 'test/dist/soak/main.js', ...rest);
  },
  /** Longer than `npm test` does it, and with other seeds. */
  async fuzz() {
    await prepare(root);
    await run(process.execPath, 'toolchain/fuzz.mjs', ...rest);
  },
  async build() {
    await prepare(root);
    await run(process.execPath, 'toolchain/build.mjs', ...rest);
  },
  async 'demo-device'() {
    await prepare(root, ['examples/demo-device']);
    await run(process.execPath, 'examples/demo-device/dist/main.js', ...rest);
  },
};

const chosen = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
if (!chosen) fail(`usage: run.mjs ${Object.keys(tasks).join('|')} [arguments]`);
await chosen();
