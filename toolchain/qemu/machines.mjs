// The emulated boards: what QEMU is told, and what a kernel needs to find disk and network there.

/**
 * @typedef {object} Machine
 * @property {string} target one of toolchain/targets.mjs
 * @property {string} architecture Debian's name of the processor
 * @property {{ config: string, architecture: string }} [own] for one that Debian has no packages for any more: a kernel's
 *   configuration in this folder, and Linux's name of the processor; see own-build.mjs
 * @property {string} qemu the emulator
 * @property {readonly string[]} packages Debian packages that bring it
 * @property {readonly string[]} machine its arguments for board and processor
 * @property {readonly string[]} modules of the kernel
 * @property {string} commandLine of the kernel
 * @property {string} network model of the network interface
 * @property {string} disk name of the disks without their letter
 * @property {(index: number, serial: string) => readonly string[]} drive attaches drive `disk<index>`
 */

const virtio = {
  modules: ['virtio_mmio', 'virtio_net', 'virtio_blk', 'squashfs'],
  network: 'virtio-net-device',
  disk: 'vd',
  drive: (/** @type {number} */ index, /** @type {string} */ serial) => [
    '-device',
    `virtio-blk-device,drive=disk${index},serial=${serial}`,
  ],
};

const malta = {
  packages: ['qemu-system-mips'],
  machine: ['-M', 'malta', '-cpu', '24Kc', '-vga', 'none'],
  modules: ['pcnet32', 'ata_piix', 'sd_mod', 'squashfs'],
  // With a random place for the kernel, this one hangs in silence when the memory is so small.
  commandLine: 'console=ttyS0 nokaslr',
  network: 'pcnet,romfile=',
  disk: 'sd',
  drive: (/** @type {number} */ index) => ['-device', `ide-hd,drive=disk${index},bus=ide.${index}`],
};

/** @type {Readonly<Record<string, Machine>>} */
export const machines = {
  'qemu-malta-mipsel': {
    ...malta,
    target: 'mipsel-24kc',
    architecture: 'mipsel',
    qemu: 'qemu-system-mipsel',
  },
  'qemu-malta-mips': {
    ...malta,
    target: 'mips-24kc',
    architecture: 'mips',
    own: { config: 'malta-mips.config', architecture: 'mips' },
    qemu: 'qemu-system-mips',
    packages: [...malta.packages, 'bc', 'bison', 'bzip2', 'flex', 'make', 'xz-utils'],
    modules: [],
  },
  'qemu-virt-armv7': {
    ...virtio,
    target: 'armv7hf',
    architecture: 'armhf',
    qemu: 'qemu-system-arm',
    packages: ['qemu-system-arm'],
    machine: ['-M', 'virt', '-cpu', 'cortex-a7'],
    commandLine: 'console=ttyAMA0',
  },
  'qemu-virt-aarch64': {
    ...virtio,
    target: 'aarch64',
    architecture: 'arm64',
    qemu: 'qemu-system-aarch64',
    packages: ['qemu-system-arm'],
    machine: ['-M', 'virt', '-cpu', 'cortex-a53'],
    commandLine: 'console=ttyAMA0',
  },
  'qemu-virt-riscv64': {
    ...virtio,
    target: 'riscv64',
    architecture: 'riscv64',
    qemu: 'qemu-system-riscv64',
    packages: ['qemu-system-misc', 'opensbi'],
    machine: ['-M', 'virt'],
    commandLine: 'console=ttyS0',
  },
};

/** The boards with their projects in vitest.config.ts. */
export const boards = Object.entries(machines).map(([board, { target, own }]) => ({
  name: `boards-${target}`,
  board,
  target,
  /** Its kernel takes long to build: `npm run test:all` does without, unless it is named. */
  onDemand: own !== undefined,
}));
