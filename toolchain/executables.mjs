// The executables that we ship and the instrumented ones, as `npm test` builds and drives them.

/**
 * @typedef {object} Executable
 * @property {string} name of its scenarios in the test report
 * @property {readonly string[]} build arguments of toolchain/build.mjs that make it; none: `prepare` has made it
 * @property {string} command how to run it, from the root of the checkout
 * @property {readonly string[]} packages Debian packages that running it needs
 * @property {number} patience factor on the time limits of the scenarios
 */

/** @type {readonly Executable[]} */
export const executables = [
  { name: 'node', build: [], command: 'node dist/node/rm-agent.mjs', packages: [], patience: 1 },
  native('x86_64'),
  emulated('mipsel-24kc', 'qemu-mipsel-static'),
  emulated('mips-24kc', 'qemu-mips-static'),
  emulated('armv7hf', 'qemu-arm-static'),
  emulated('aarch64', 'qemu-aarch64-static'),
  { name: 'sanitize', build: ['--sanitize'], command: 'dist/sanitize/rm-agent', packages: [], patience: 2 },
  { name: 'force-gc', build: ['--force-gc'], command: 'dist/force-gc/rm-agent', packages: [], patience: 8 },
  {
    name: 'node-linux-x64',
    build: ['--node', 'linux-x64'],
    command: 'dist/node-linux-x64/rm-agent',
    packages: [],
    patience: 1,
  },
];

/** @param {string} target */
function native(target) {
  return {
    name: target,
    build: ['--target', target],
    command: `dist/${target}/rm-agent`,
    packages: [],
    patience: 1,
  };
}

/**
 * @param {string} target
 * @param {string} qemu
 */
function emulated(target, qemu) {
  return {
    ...native(target),
    command: `${qemu} dist/${target}/rm-agent`,
    packages: ['qemu-user-static'],
    patience: 4,
  };
}
