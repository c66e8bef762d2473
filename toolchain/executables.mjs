// The executables that we ship and the instrumented ones, as `npm test` builds and drives them.

/**
 * @typedef {object} Executable
 * @property {string} name of its scenarios in the test report
 * @property {readonly string[]} build arguments of toolchain/build.mjs that make it; none: `prepare` has made it
 * @property {string} command how to run it, from the root of the checkout
 * @property {readonly string[]} packages Debian packages that running it needs
 * @property {number} patience factor on the time limits of the scenarios
 * @property {number} heapNoise KiB by which resident memory may move for no reason of ours: V8's collector, or a
 *   sanitizer that keeps freed memory to catch its users
 * @property {string} [clockless] how to run the one in `dist/…-clockless`, which was built with `--clockless`: for the
 *   scenarios of a clock that is not set
 */

/** @type {readonly Executable[]} */
export const executables = [
  {
    name: 'node',
    build: [],
    command: 'node dist/node/rm-agent.mjs',
    clockless: 'node dist/node-clockless/rm-agent.mjs',
    packages: [],
    patience: 1,
    heapNoise: 24_576,
  },
  withClockless(native('x86_64')),
  withClockless(emulated('mipsel-24kc', 'qemu-mipsel-static')),
  emulated('mips-24kc', 'qemu-mips-static'),
  emulated('armv7hf', 'qemu-arm-static'),
  emulated('aarch64', 'qemu-aarch64-static'),
  instrumented('sanitize', 2, 131_072),
  instrumented('force-gc', 8, 4096),
  {
    name: 'node-linux-x64',
    build: ['--node', 'linux-x64'],
    command: 'dist/node-linux-x64/rm-agent',
    packages: [],
    patience: 1,
    heapNoise: 24_576,
  },
];

/**
 * @param {Executable} executable
 * @returns {Executable}
 */
function withClockless(executable) {
  return { ...executable, clockless: executable.command.replace(/(dist\/[^/]+)/, '$1-clockless') };
}

/** @param {string} target */
function native(target) {
  const build = ['--target', target];
  return {
    name: target,
    build,
    command: `dist/${target}/rm-agent`,
    packages: [],
    patience: 1,
    heapNoise: 256,
  };
}

/**
 * Resident memory is the emulator's, translated code included.
 * @param {string} target
 * @param {string} qemu
 */
function emulated(target, qemu) {
  const command = `${qemu} dist/${target}/rm-agent`;
  return { ...native(target), command, packages: ['qemu-user-static'], patience: 4, heapNoise: 24_576 };
}

/**
 * @param {string} kind
 * @param {number} patience
 * @param {number} heapNoise
 */
function instrumented(kind, patience, heapNoise) {
  return {
    name: kind,
    build: [`--${kind}`],
    command: `dist/${kind}/rm-agent`,
    packages: [],
    patience,
    heapNoise,
  };
}
