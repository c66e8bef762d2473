import { fileURLToPath } from 'node:url';

/**
 * Makes the executables that the tests run: `RM_NATIVE_TEST` with sanitizers, unless it names one already (`rm-run`, of
 * any build), and `RM_NATIVE_PLAIN` without, for what a sanitizer does not survive: little address space, other processors.
 */
export default async function build(): Promise<void> {
  // @ts-expect-error plain JavaScript without declarations
  const { needPackages } = await import('../../../toolchain/debian.mjs');
  await needPackages(['qemu-user-static', 'util-linux']);
  process.env.RM_NATIVE_TEST ||= await made('sanitize');
  process.env.RM_NATIVE_PLAIN = await made('valgrind');
}

async function made(kind: 'sanitize' | 'valgrind'): Promise<string> {
  const output = fileURLToPath(new URL(`../../../dist/${kind}`, import.meta.url));
  // @ts-expect-error plain JavaScript without declarations
  const { buildInstrumented } = await import('../../../toolchain/tiny/instrumented.mjs');
  await buildInstrumented({ kind, engine: 'quickjs', without: [], output });
  return `${output}/rm-run`;
}
