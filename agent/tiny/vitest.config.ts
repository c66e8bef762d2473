import { defineConfig } from 'vitest/config';

const here = (path: string) => new URL(path, import.meta.url).pathname;

/** The C host by itself, against peers on Node. */
export default defineConfig({
  test: {
    name: 'native',
    include: [here('test/*.test.ts')],
    globalSetup: [here('test/build.ts')],
    // Only a test that hangs reaches them, on a busy machine too.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
