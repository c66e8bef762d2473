import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

/**
 * Makes the executables that the tests run: for the project `native-sanitize` one with sanitizers, and for both projects
 * one without, also for what a sanitizer does not survive: little address space, other processors.
 */
export default async function build({ name }: TestProject): Promise<void> {
  // @ts-expect-error plain JavaScript without declarations
  const { native, needPackages } = await import('../../../toolchain/debian.mjs');
  await needPackages(native);
  await make('valgrind');
  if (name === 'native-sanitize') await make('sanitize');
}

async function make(kind: 'sanitize' | 'valgrind'): Promise<void> {
  const output = fileURLToPath(new URL(`../../../dist/${kind}`, import.meta.url));
  // @ts-expect-error plain JavaScript without declarations
  const { buildInstrumented } = await import('../../../toolchain/tiny/instrumented.mjs');
  await buildInstrumented({ kind, engine: 'quickjs', without: [], output });
}
