// The kernel of a guest, with the few modules that it loads: one of Debian, where there is one.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cached } from '../cache.mjs';
import { BuildError, run } from '../subprocess.mjs';
import { kernelPackage, packageHash, unpackInto } from './debian-packages.mjs';
import { builtKernel } from './own-build.mjs';

/**
 * @typedef {object} Kernel
 * @property {string} image file for `qemu -kernel`
 * @property {readonly { name: string, content: Buffer }[]} modules in the order in which they are loaded
 */

/**
 * The path of each module with those that it needs before it.
 * @param {string} root of the unpacked package
 * @param {string} version
 * @param {readonly string[]} names
 */
async function modulesInOrder(root, version, names) {
  await run('/sbin/depmod', ['-b', root, version]);
  /** @type {Set<string>} */
  const paths = new Set();
  for (const name of names) {
    const lines = await run('/sbin/modprobe', ['-d', root, '-S', version, '--show-depends', name]);
    for (const line of lines.split('\n')) {
      const path = /^insmod (\S+)/.exec(line)?.[1];
      if (path !== undefined) paths.add(path);
    }
  }
  return [...paths];
}

/**
 * @param {import('./machines.mjs').Machine} machine
 * @param {readonly string[]} names of modules; what these need is found
 * @returns {Promise<Kernel>}
 */
export async function kernel({ architecture, own, target }, names) {
  if (own) return { image: await builtKernel(own.config, own.architecture, target), modules: [] };
  const name = kernelPackage(architecture);
  const inputs = { sha256: packageHash(architecture, name), names, form: 1 };
  const folder = await cached(`kernel-${architecture}`, inputs, async (result) => {
    const root = mkdtempSync(join(tmpdir(), 'rm-kernel-'));
    try {
      await unpackInto(architecture, name, root);
      // In newer packages /lib is a link to /usr/lib, which another package brings.
      if (!existsSync(join(root, 'lib'))) symlinkSync('usr/lib', join(root, 'lib'));
      const [version = ''] = readdirSync(join(root, 'lib/modules'));
      const image = readdirSync(join(root, 'boot')).find((file) => file.startsWith('vmlinu'));
      if (image === undefined) throw new BuildError(`${name} has no kernel`);
      copyFileSync(join(root, 'boot', image), join(result, 'image'));
      const paths = await modulesInOrder(root, version, names);
      for (const path of paths) copyFileSync(path, join(result, basename(path)));
      for (const path of paths.filter((each) => each.endsWith('.xz')))
        await run('xz', ['-d', join(result, basename(path))]);
      writeFileSync(join(result, 'order'), paths.map((path) => `${basename(path, '.xz')}\n`).join(''));
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
  const order = readFileSync(join(folder, 'order'), 'utf8').split('\n').filter(Boolean);
  return {
    image: join(folder, 'image'),
    modules: order.map((file) => ({ name: file, content: readFileSync(join(folder, file)) })),
  };
}
