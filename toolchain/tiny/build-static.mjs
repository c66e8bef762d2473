// One static executable: from the pinned sources to dist/<target>.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../bundle.mjs';
import { shortCommit } from '../commit.mjs';
import { compilerFor } from '../compilers.mjs';
import { needPackages } from '../debian.mjs';
import { maxCompressedBytes, targets } from '../targets.mjs';
import { engineFor } from './engine.mjs';
import { executableFor } from './executable.mjs';
import { features, switchesFor } from './features.mjs';
import { licenceTexts, manifestOf } from './manifest.mjs';
import { mbedtlsFor } from './mbedtls.mjs';
import { bundledScript } from './scripts.mjs';
import { stamp } from './stamp.mjs';
import { sysrootFor } from './sysroot.mjs';

/** Debian packages for every target, besides its compiler. */
export const buildPackages = [
  'bzip2',
  'cmake',
  'make',
  'ninja-build',
  'patch',
  'qemu-user-static',
  'xz-utils',
];

/**
 * @typedef {object} Build
 * @property {string} file the executable
 * @property {Awaited<ReturnType<typeof manifestOf>>} manifest
 */

/**
 * Builds for one target and writes `rm-agent`, `manifest.json` and `LICENSES` into a folder.
 * @param {object} options
 * @param {string} options.name of the target
 * @param {import('./engine.mjs').Engine} options.engine
 * @param {readonly string[]} options.without features to leave out
 * @param {Readonly<Record<string, string>>} [options.define] constants of the bundle
 * @param {string} options.output the folder
 * @returns {Promise<Build>}
 */
export async function buildStatic({ name, engine, without, define: more = {}, output }) {
  const target = targets[name];
  if (!target) throw new TypeError(`unknown target ${name}`);
  await needPackages(buildPackages);
  const compiler = await compilerFor(target.compiler);
  const sysroot = await sysrootFor(name, target, compiler);
  const engineFolder = await engineFor(engine, name, target, compiler, sysroot);
  const { cmake, define, mbedtls } = switchesFor(without);
  const mbedtlsFolder = await mbedtlsFor(name, target, compiler, sysroot, mbedtls);
  const folder = await executableFor({
    name,
    target,
    compiler,
    engine,
    parts: { engineFolder, mbedtlsFolder, sysroot },
    script: await bundledScript({ ...define, ...more }),
    version,
    switches: cmake,
  });
  mkdirSync(output, { recursive: true });
  const file = join(output, 'rm-agent');
  // A running executable cannot be written to, but its name can be given to another.
  rmSync(file, { force: true });
  const executable = readFileSync(join(folder, 'rm-agent'));
  stamp(executable, shortCommit());
  writeFileSync(file, executable, { mode: 0o755 });
  const contains = /** @type {const} */ ([engine, 'mbedtls', ...sysroot.contains]);
  const manifest = await manifestOf({
    target: name,
    file,
    version,
    engine,
    features: Object.keys(features).filter((feature) => !without.includes(feature)),
    compiler: compiler.identity,
    contains,
    libgcc: target.builtins === 'libgcc',
  });
  writeFileSync(join(output, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(output, 'LICENSES'), await licenceTexts(contains));
  return { file, manifest };
}

/**
 * What a full build exceeds, as lines for a person; none when it keeps within its budget.
 * @param {Build} build
 */
export function budgetFaults({ manifest: { target, executable } }) {
  const { bytes, squashfsBytes } = executable;
  const { maxBytes = 0 } = targets[target] ?? {};
  return [
    ...(bytes > maxBytes ? [`${target}: ${bytes} bytes, allowed are ${maxBytes}`] : []),
    ...(squashfsBytes > maxCompressedBytes
      ? [`${target}: ${squashfsBytes} bytes compressed, allowed are ${maxCompressedBytes}`]
      : []),
  ];
}
