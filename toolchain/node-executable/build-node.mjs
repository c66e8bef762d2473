// The agent, or the client, and Node in one executable.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, bundleClient, version } from '../bundle.mjs';
import { sha256 } from '../cache.mjs';
import { baseBinary, bases } from './base-binaries.mjs';
import { packWithPkg } from './pkg.mjs';
import { packWithNode } from './sea.mjs';

/**
 * Node keeps the path of the script, for stack traces: one of this machine, and another one each time.
 * @param {Buffer} executable is changed
 * @param {string} folder
 */
function withoutPath(executable, folder) {
  const neutral = '/rm-agent'.padEnd(folder.length, '-');
  for (let at = executable.indexOf(folder); at >= 0; at = executable.indexOf(folder, at)) {
    executable.write(neutral, at, 'latin1');
  }
  return executable;
}

/** What becomes the script of each program. */
const scripts = {
  'rm-agent': (/** @type {string} */ outfile) => bundle({ outfile, minify: true, format: 'cjs' }),
  'rm-client': bundleClient,
};

/**
 * Writes the program, `manifest.json`, our `LICENSE` and Node's into a folder; gives the path of the executable.
 * @param {keyof typeof bases} platform
 * @param {string} output an existing folder
 * @param {keyof typeof scripts} [program]
 */
export async function buildNodeExecutable(platform, output, program = 'rm-agent') {
  const work = mkdtempSync(join(tmpdir(), 'rm-node-'));
  const file = join(output, program);
  try {
    const script = join(work, 'rm-agent.cjs');
    await scripts[program](script);
    console.error(`Packing ${program} with Node ${bases[platform].version} for ${platform} …`);
    // Packed beside and then renamed: pkg leaves a broken file behind when it fails.
    const packed = join(work, 'rm-agent');
    if (platform === 'linux-armv7') await packWithNode(platform, script, packed, work);
    else await packWithPkg(platform, script, packed, work);
    writeFileSync(file, withoutPath(readFileSync(packed), work), { mode: 0o755 });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  copyFileSync(join(await baseBinary(platform), 'LICENSE'), join(output, 'LICENSE-node'));
  copyFileSync(fileURLToPath(new URL('../../LICENSE', import.meta.url)), join(output, 'LICENSE'));
  const bytes = readFileSync(file);
  const node = {
    name: 'node',
    version: bases[platform].version,
    licence: 'MIT AND others, see LICENSE-node',
  };
  const manifest = {
    name: program,
    version,
    target: platform,
    executable: { bytes: bytes.length, sha256: sha256(bytes) },
    contains: [{ name: program, version, licence: 'MIT' }, node],
  };
  writeFileSync(join(output, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return file;
}
