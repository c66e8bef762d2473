// `npm run build -- …`: executables of the agent, for the tiny runtime and with Node inside.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clockless } from './bundle.mjs';
import { BuildError } from './subprocess.mjs';
import { targets } from './targets.mjs';
import { budgetFaults, buildStatic } from './tiny/build-static.mjs';
import { features, switchesFor } from './tiny/features.mjs';
import { bundledScript } from './tiny/scripts.mjs';

const dist = join(fileURLToPath(new URL('..', import.meta.url)), 'dist');
const engines = /** @type {const} */ (['quickjs', 'quickjs-ng']);
const nodePlatforms = /** @type {const} */ (['linux-x64', 'linux-arm64', 'linux-armv7']);

const usage = `usage: npm run build -- [--target NAME]… | --all       dist/NAME/rm-agent, static, with a manifest
         [--without FEATURE,…] [--engine ENGINE]     smaller, or with the other engine
         [--clockless]                               for tests: as if built in 2100
         [--check-reproducible]                      build it again with an empty cache and compare
       CC=… SYSROOT=… npm run build -- --system      dist/system/rm-agent, with your compiler and libraries
       npm run build -- --source                     dist/source: the source archive, for a build with CMake alone
       npm run build -- --script                     dist/tiny/rm-agent.js, only the script in it
       npm run build -- --sanitize | --force-gc | --valgrind [--engine ENGINE]
                                                     for tests, on this machine only
       npm run build -- --library [--sanitize] [--engine ENGINE]
                                                     dist/library: librm-agent.a and its header, for this machine
       npm run build -- --sizes                      docs/sizes.md: every target, every feature
       npm run build -- --node PLATFORM              dist/node-PLATFORM/rm-agent with Node inside
       npm run build -- --client PLATFORM            dist/client-PLATFORM/rm-client with Node inside, but for linux-armv7
NAME: ${Object.keys(targets).join(', ')}
FEATURE: ${Object.keys(features).join(', ')}
ENGINE: ${engines.join(', ')}
PLATFORM: ${nodePlatforms.join(', ')}`;

/** Ends with status 64. @param {string} fault @returns {never} */
function misuse(fault) {
  console.error(fault);
  process.exit(64);
}

/**
 * `value` if it is one of those allowed.
 * @template {string} T
 * @param {string} what
 * @param {string} value
 * @param {readonly T[]} allowed
 */
function oneOf(what, value, allowed) {
  const found = allowed.find((each) => each === value);
  return found ?? misuse(`unknown ${what} "${value}": there are ${allowed.join(', ')}`);
}

function options() {
  try {
    return parseArgs({
      options: {
        target: { type: 'string', multiple: true, default: [] },
        all: { type: 'boolean', default: false },
        without: { type: 'string', multiple: true, default: [] },
        engine: { type: 'string', default: 'quickjs' },
        clockless: { type: 'boolean', default: false },
        'check-reproducible': { type: 'boolean', default: false },
        sanitize: { type: 'boolean', default: false },
        'force-gc': { type: 'boolean', default: false },
        valgrind: { type: 'boolean', default: false },
        system: { type: 'boolean', default: false },
        script: { type: 'boolean', default: false },
        source: { type: 'boolean', default: false },
        library: { type: 'boolean', default: false },
        sizes: { type: 'boolean', default: false },
        node: { type: 'string', multiple: true, default: [] },
        client: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    const [fault] = error instanceof Error ? error.message.split('. ') : [];
    return misuse(`${fault}: see npm run build -- --help`);
  }
}

/** @param {import('./tiny/build-static.mjs').Build} build */
function report({ file, manifest: { executable } }) {
  const { bytes, squashfsBytes } = executable;
  console.log(`${file.slice(dist.length - 'dist'.length)}  ${bytes} bytes, ${squashfsBytes} in squashfs`);
}

async function main() {
  const chosen = options();
  if (chosen.help) {
    console.log(usage);
    return;
  }
  const engine = oneOf('engine', chosen.engine, engines);
  const left = chosen.without.flatMap((names) => names.split(',')).filter((name) => name !== '');
  for (const name of left) oneOf('feature', name, Object.keys(features));
  const without = Object.keys(features).filter((name) => left.includes(name));
  const names = chosen.all ? Object.keys(targets) : chosen.target;
  for (const name of names) oneOf('target', name, Object.keys(targets));
  const platforms = chosen.node.map((platform) => oneOf('platform', platform, nodePlatforms));
  const clients = chosen.client.map((platform) =>
    oneOf('platform', platform, /** @type {const} */ (['linux-x64', 'linux-arm64'])),
  );
  const instrumented = /** @type {const} */ (['sanitize', 'force-gc', 'valgrind']).filter(
    (kind) => chosen[kind] && !chosen.library,
  );
  const asked = chosen.library || chosen.sizes || chosen.system || chosen.script || chosen.source;
  if ([...names, ...platforms, ...clients, ...instrumented].length === 0 && !asked) misuse(usage);

  const variant = [...(engine === 'quickjs' ? [] : [engine]), ...without.map((name) => `without-${name}`)];
  const faults = [];
  for (const name of names) {
    const output = join(dist, [name, ...variant, ...(chosen.clockless ? ['clockless'] : [])].join('-'));
    const define = chosen.clockless ? clockless : {};
    const build = await buildStatic({ name, engine, without, define, output });
    report(build);
    if (variant.length === 0) faults.push(...budgetFaults(build));
    if (chosen['check-reproducible']) {
      const { checkReproducible } = await import('./tiny/reproducible.mjs');
      await checkReproducible({ name, engine, without }, build);
    }
  }
  for (const kind of instrumented) {
    const { buildInstrumented } = await import('./tiny/instrumented.mjs');
    const output = join(dist, [kind, ...variant].join('-'));
    console.log(await buildInstrumented({ kind, engine, without, output }));
  }
  if (chosen.library) {
    const { buildLibrary } = await import('./tiny/c-library.mjs');
    const kind = chosen.sanitize ? 'sanitize' : 'plain';
    const parts = [...(kind === 'plain' ? [] : [kind]), ...(engine === 'quickjs' ? [] : [engine])];
    console.log(await buildLibrary({ kind, engine, output: join(dist, ['library', ...parts].join('-')) }));
  }
  if (chosen.system) {
    const { buildWithSystem } = await import('./tiny/system.mjs');
    const output = join(dist, ['system', ...variant].join('-'));
    console.log(await buildWithSystem({ engine, without, output }));
  }
  if (chosen.script) {
    const file = join(dist, 'tiny', 'rm-agent.js');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await bundledScript(switchesFor(without).define));
    console.log(file);
  }
  if (chosen.source) {
    const { sourceArchive } = await import('./source-archive/source-archive.mjs');
    console.log(await sourceArchive());
  }
  if (chosen.sizes) {
    const { writeSizes } = await import('./tiny/sizes.mjs');
    faults.push(...(await writeSizes()));
  }
  for (const [kind, program, list] of /** @type {const} */ ([
    ['node', 'rm-agent', platforms],
    ['client', 'rm-client', clients],
  ])) {
    for (const platform of list) {
      const { buildNodeExecutable } = await import('./node-executable/build-node.mjs');
      const output = join(dist, `${kind}-${platform}`);
      rmSync(output, { recursive: true, force: true });
      mkdirSync(output, { recursive: true });
      console.log(await buildNodeExecutable(platform, output, program));
    }
  }
  if (faults.length > 0) throw new BuildError(`over budget:\n${faults.join('\n')}`);
}

await main().catch((error) => {
  // What the system refuses, such as a full disk, is no defect of the build either.
  if (!(error instanceof BuildError) && error?.syscall === undefined) throw error;
  console.error(error.message);
  process.exit(1);
});
