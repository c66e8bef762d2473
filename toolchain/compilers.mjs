// The GNU cross compilers: which Debian package brings one, and what it is called.
import { needPackages } from './debian.mjs';
import { run } from './subprocess.mjs';

/**
 * Debian's names of the processors that Node knows.
 * @type {Readonly<Record<string, string>>}
 */
const ownCompiler = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu', riscv64: 'riscv64-linux-gnu' };

/**
 * @typedef {object} Compiler
 * @property {string} prefix
 * @property {string} cc
 * @property {string} ar
 * @property {string} identity name and exact version: another compiler makes other bytes
 */

/**
 * Whether this machine runs what the compiler makes.
 * @param {string} prefix
 */
export function isNative(prefix) {
  return ownCompiler[process.arch] === prefix;
}

/**
 * The compiler with this prefix, installed if need be.
 * @param {string} prefix as in `mipsel-linux-gnu`
 * @returns {Promise<Compiler>}
 */
export async function compilerFor(prefix) {
  await needPackages([isNative(prefix) ? 'gcc' : `gcc-${prefix.replaceAll('_', '-')}`]);
  const cc = `${prefix}-gcc`;
  const [identity = ''] = (await run(cc, ['--version'])).split('\n');
  return { prefix, cc, ar: `${prefix}-ar`, identity };
}
