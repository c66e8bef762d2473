// x64 and arm64: pkg in its --sea mode.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError, run } from '../subprocess.mjs';
import { baseBinary, bases, ownPlatform } from './base-binaries.mjs';
import { packager } from './packager.mjs';

/**
 * Packs a script.
 * @param {'linux-x64' | 'linux-arm64'} platform
 * @param {string} script a CommonJS file
 * @param {string} output
 * @param {string} work an empty folder
 */
export async function packWithPkg(platform, script, output, work) {
  if (ownPlatform === undefined) throw new BuildError(`pkg runs on x64 and arm64, not on ${process.arch}`);
  const { version } = bases[platform];
  // pkg fetches Node from a place of its own, unless it is in its cache: an unpacked archive, and beside the archive
  // and the executable a file that says "complete".
  const name = `node-v${version}-${platform}`;
  const cache = join(work, '.pkg-cache', 'sea');
  mkdirSync(join(cache, name, 'bin'), { recursive: true });
  symlinkSync(join(await baseBinary(platform), 'node-stripped'), join(cache, name, 'bin', 'node'));
  for (const file of [`${name}.tar.gz`, `${name}.tar.gz.ok`, `${name}/bin/node.ok`]) {
    writeFileSync(join(cache, file), '');
  }
  // pkg needs a newer Node than the rest, and the version it packs so that both agree on the format in between.
  const node = join(await baseBinary(/** @type {keyof typeof bases} */ (ownPlatform)), 'node');
  const pkg = join(await packager(), 'node_modules/@yao-pkg/pkg/lib-es5/bin.js');
  const target = `node${version}-${platform}`;
  await run(node, [pkg, script, '--sea', '--target', target, '--output', output], {
    cwd: work,
    env: { HOME: work },
  });
}
