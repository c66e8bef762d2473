import { defineConfig } from 'vitest/config';
import { unit } from '../../vitest.config.ts';

/** The workspace whose tests are run, empty: all; the folder whose integration tests are run, empty: none; and the folder whose unit tests are the only ones. */
const {
  RM_MUTATION_TESTS: workspace = '',
  RM_MUTATION_INTEGRATION: folder = '',
  RM_MUTATION_NEAR: near = '',
  RM_MUTATION_SAMPLE: sample = '',
} = process.env;

/** The tests for Stryker, which adds a setup of its own to each file. */
export default defineConfig({
  ...unit,
  test: {
    ...unit.test,
    ...(workspace === '' ? {} : { include: [`${workspace}/**/*.test.{ts,mjs}`] }),
    ...(folder === '' ? {} : withIntegration()),
    ...(near === '' ? {} : onlyNear()),
    // Only code that runs while a module loads needs a fresh module, and a sample leaves that out.
    isolate: sample === '',
  },
});

function onlyNear() {
  return {
    include: [`${near}/**/*.test.{ts,mjs}`],
    exclude: [...unit.test.exclude, '**/*.simulation.test.ts', '**/fuzz.test.ts'],
  };
}

function withIntegration() {
  return {
    include: [`${workspace || '*'}/**/!(*.integration).test.{ts,mjs}`, `${folder}/**/*.integration.test.ts`],
    exclude: unit.test.exclude.filter((pattern) => !pattern.includes('.integration.')),
    // They open sockets.
    setupFiles: [],
    // A change may leave a test waiting.
    testTimeout: 30_000,
  };
}
