import { defineConfig } from 'vitest/config';
import { unit } from '../../vitest.config.ts';

/** The workspace whose tests are run; empty: all. */
const { RM_MUTATION_TESTS: workspace = '' } = process.env;

/** The unit tests for Stryker, which adds a setup of its own to each file. */
export default defineConfig({
  ...unit,
  test: {
    ...unit.test,
    ...(workspace === '' ? {} : { include: [`${workspace}/**/*.test.{ts,mjs}`] }),
    isolate: true,
  },
});
