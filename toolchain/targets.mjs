// Every machine the tiny runtime is built for. Adding one is one entry here.

/**
 * @typedef {object} Target
 * @property {string} boards who uses it, for the documentation
 * @property {string} compiler prefix of the GNU cross compiler, as in `<compiler>-gcc`
 * @property {readonly string[]} cflags instruction set and ABI of everything that is compiled
 * @property {readonly string[]} [compactFlags] added for code whose size counts for more than its speed
 * @property {readonly string[]} [libraryFlags] added for musl and the arithmetic of mbedTLS, which need the full instruction set
 * @property {'libgcc' | 'compiler-rt'} builtins where 64-bit division and floating point in software come from
 * @property {string} qemu user-mode emulator that runs the executable on another machine
 * @property {string} [processor] the oldest that `qemu` is to be, its option `-cpu`
 * @property {'little' | 'big'} endian
 * @property {32 | 64} bits of an address
 * @property {string} [architecture] `Tag_CPU_arch` of an ARM executable: nothing in it may need a later one
 * @property {boolean} [softFloat] no floating-point instruction may be in the executable
 * @property {number} maxBytes budget of the stripped executable with every feature in
 */

const KiB = 1024;

const mips24kc = {
  // An OpenWrt kernel has no emulator for floating-point instructions, and a 24Kc has no unit for them.
  cflags: ['-march=mips32r2', '-mtune=24kc', '-msoft-float', '-mno-shared', '-mplt', '-fno-pic'],
  compactFlags: ['-mips16', '-minterlink-mips16'],
  libraryFlags: ['-minterlink-mips16'],
  // Debian's compilers for MIPS bring a libgcc for hard float only.
  builtins: /** @type {const} */ ('compiler-rt'),
  softFloat: true,
};

/** @type {Readonly<Record<string, Target>>} */
export const targets = {
  'mipsel-24kc': {
    ...mips24kc,
    boards: 'little-endian MIPS routers: MediaTek MT76x8, MT7620, MT7621; Ralink RT305x, RT5350',
    compiler: 'mipsel-linux-gnu',
    qemu: 'qemu-mipsel-static',
    endian: 'little',
    bits: 32,
    maxBytes: 900 * KiB,
  },
  'mips-24kc': {
    ...mips24kc,
    boards: 'big-endian MIPS routers: Atheros AR71xx, AR93xx, QCA95xx',
    compiler: 'mips-linux-gnu',
    qemu: 'qemu-mips-static',
    endian: 'big',
    bits: 32,
    maxBytes: 1024 * KiB,
  },
  armv5: {
    boards: 'ARM9 boards without floating point: AT91SAM9, Kirkwood, i.MX28',
    compiler: 'arm-linux-gnueabi',
    cflags: ['-march=armv5te', '-mfloat-abi=soft', '-marm', '-fno-pic'],
    builtins: 'libgcc',
    qemu: 'qemu-arm-static',
    endian: 'little',
    bits: 32,
    softFloat: true,
    maxBytes: 1024 * KiB,
  },
  armv6hf: {
    boards: 'ARM11 boards with floating point: Raspberry Pi 1 and Zero, BCM2835',
    compiler: 'arm-linux-gnueabihf',
    cflags: ['-march=armv6+fp', '-mfloat-abi=hard', '-marm', '-fno-pic'],
    // The libgcc of Debian's compiler is for ARMv7.
    builtins: 'compiler-rt',
    qemu: 'qemu-arm-static',
    processor: 'arm1176',
    endian: 'little',
    bits: 32,
    architecture: 'v6',
    maxBytes: 896 * KiB,
  },
  armv7hf: {
    boards: '32-bit ARM with floating point: BeagleBone, i.MX6, Raspberry Pi 2 and later in 32-bit systems',
    compiler: 'arm-linux-gnueabihf',
    cflags: ['-march=armv7-a+fp', '-mfloat-abi=hard', '-mthumb', '-fno-pic'],
    builtins: 'libgcc',
    qemu: 'qemu-arm-static',
    endian: 'little',
    bits: 32,
    maxBytes: 704 * KiB,
  },
  aarch64: {
    boards: '64-bit ARM: Raspberry Pi 3 and later, i.MX8, Allwinner H5/H6',
    compiler: 'aarch64-linux-gnu',
    cflags: ['-march=armv8-a', '-mno-outline-atomics', '-fno-pic'],
    builtins: 'libgcc',
    qemu: 'qemu-aarch64-static',
    endian: 'little',
    bits: 64,
    maxBytes: 1024 * KiB,
  },
  x86_64: {
    boards: 'PC hardware and gateways',
    compiler: 'x86_64-linux-gnu',
    cflags: ['-march=x86-64', '-fno-pic'],
    builtins: 'libgcc',
    qemu: 'qemu-x86_64-static',
    endian: 'little',
    bits: 64,
    maxBytes: 1024 * KiB,
  },
  i686: {
    boards: '32-bit PC hardware: AMD Geode, Vortex86, older gateways',
    compiler: 'i686-linux-gnu',
    cflags: ['-march=i686', '-fno-pic'],
    builtins: 'libgcc',
    qemu: 'qemu-i386-static',
    endian: 'little',
    bits: 32,
    maxBytes: 1024 * KiB,
  },
  riscv64: {
    boards: '64-bit RISC-V: VisionFive 2, Milk-V Duo, LicheeRV',
    compiler: 'riscv64-linux-gnu',
    cflags: ['-march=rv64gc', '-mabi=lp64d', '-fno-pic'],
    builtins: 'libgcc',
    qemu: 'qemu-riscv64-static',
    endian: 'little',
    bits: 64,
    maxBytes: 1024 * KiB,
  },
};

/** No target may be larger than this compressed with xz, as in a squashfs. */
export const maxCompressedBytes = 420 * KiB;
