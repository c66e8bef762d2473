import { fileURLToPath } from 'node:url';

/**
 * Makes the executable that the tests run, with sanitizers, unless `RM_NATIVE_TEST` names one (`rm-run`, of any build).
 */
export default async function build(): Promise<void> {
  if (process.env.RM_NATIVE_TEST) return;
  const output = fileURLToPath(new URL('../../../dist/sanitize', import.meta.url));
  // @ts-expect-error plain JavaScript without declarations
  const { buildInstrumented } = await import('../../../toolchain/tiny/instrumented.mjs');
  await buildInstrumented({ kind: 'sanitize', engine: 'quickjs', without: [], output });
  process.env.RM_NATIVE_TEST = `${output}/rm-run`;
}
