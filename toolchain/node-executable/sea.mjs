// armv7, which pkg does not know: Node's own format for single executables.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needPackages } from '../debian.mjs';
import { run } from '../subprocess.mjs';
import { baseBinary, bases } from './base-binaries.mjs';
import { packager } from './packager.mjs';

/** Marks the place in Node's executable that says whether a script is inside (nodejs.org, "Single executable"). */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * Packs a script.
 * @param {'linux-armv7'} platform
 * @param {string} script a CommonJS file
 * @param {string} output
 * @param {string} work an empty folder
 */
export async function packWithNode(platform, script, output, work) {
  const { qemu = '' } = bases[platform];
  await needPackages(['qemu-user-static', 'libc6-armhf-cross', 'libstdc++6-armhf-cross']);
  const base = await baseBinary(platform);
  const blob = join(work, 'sea.blob');
  const config = join(work, 'sea.json');
  writeFileSync(config, JSON.stringify({ main: script, output: blob, disableExperimentalSEAWarning: true }));
  // The blob holds words of the machine's size: only this very Node makes the one that it can read.
  await run(qemu, [
    '-L',
    '/usr/arm-linux-gnueabihf',
    join(base, 'node'),
    '--experimental-sea-config',
    config,
  ]);
  copyFileSync(join(base, 'node-stripped'), output);
  chmodSync(output, 0o755);
  const postject = join(await packager(), 'node_modules/postject/dist/cli.js');
  await run(process.execPath, [postject, output, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse]);
}
