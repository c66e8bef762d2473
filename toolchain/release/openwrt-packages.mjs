// The packages for OpenWrt, one for each name that its feeds give to a processor.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { initConffiles, initFiles, installScripts, removeScripts, user } from '../init/init.mjs';
import { apk } from '../packages/apk.mjs';
import { ipk } from '../packages/ipk.mjs';
import { product } from './product.mjs';

/** OpenWrt's names of the architectures (`DISTRIB_ARCH` in /etc/openwrt_release), and the targets. */
export const openwrtTargets = /** @type {const} */ ({
  mipsel_24kc: 'mipsel-24kc',
  mips_24kc: 'mips-24kc',
  'arm_arm926ej-s': 'armv5',
  'arm_arm1176jzf-s_vfp': 'armv6hf',
  'arm_cortex-a7_neon-vfpv4': 'armv7hf',
  'arm_cortex-a9_vfpv3-d16': 'armv7hf',
  'aarch64_cortex-a53': 'aarch64',
  'aarch64_cortex-a72': 'aarch64',
  aarch64_generic: 'aarch64',
  i386_pentium4: 'i686',
  x86_64: 'x86_64',
  riscv64_riscv64: 'riscv64',
});

/**
 * Both formats for one architecture.
 * @param {keyof typeof openwrtTargets} architecture
 * @param {string} folder with `rm-agent` of the target
 * @param {{ time?: number }} [options] of all files, seconds since 1970
 */
export function openwrtPackages(architecture, folder, options) {
  /** @type {import('../packages/package.mjs').Package} */
  const content = {
    ...product,
    architecture,
    section: 'net',
    user: `${user}:${user}`,
    depends: [],
    scripts: { ...installScripts('procd'), ...removeScripts('procd') },
    conffiles: initConffiles('procd'),
    entries: [
      { path: 'usr/bin/rm-agent', mode: 0o755, content: readFileSync(join(folder, 'rm-agent')) },
      ...initFiles('procd', { enabled: false }),
    ],
  };
  const name = `${product.name}_${product.version}-r1_${architecture}`;
  return [
    { file: `${name}.ipk`, content: ipk(content, options) },
    { file: `${name}.apk`, content: apk(content, options) },
  ];
}
