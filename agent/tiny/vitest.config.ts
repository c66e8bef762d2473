import { defineConfig } from 'vitest/config';

const here = (path: string) => new URL(path, import.meta.url).pathname;

/** The C host by itself, against peers on Node. */
export default defineConfig({
  test: {
    name: 'native',
    include: [here('test/*.test.ts')],
    globalSetup: [here('test/build.ts')],
    testTimeout: 60_000,
  },
});
