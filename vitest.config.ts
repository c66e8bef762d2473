import { defineConfig } from 'vitest/config';

const source = (path: string) => new URL(path, import.meta.url).pathname;

const alias = [
  { find: /^rm-agent\/protocol$/, replacement: source('agent/src/protocol/index.ts') },
  { find: /^rm-agent$/, replacement: source('agent/src/host/node/index.ts') },
  { find: /^rm-reflector$/, replacement: source('reflector-minimal/src/index.ts') },
];

export default defineConfig({
  resolve: { alias },
  test: {
    // For what is marked concurrent: the scenarios, which wait most of the time.
    maxConcurrency: 6,
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['{agent,reflector-minimal,examples,toolchain}/**/*.test.{ts,mjs}'],
          exclude: ['**/node_modules/**', '**/dist/**', 'agent/native/**'],
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'scenarios',
          include: ['test/scenarios/**/*.test.ts'],
          testTimeout: 60_000 * Number(process.env.RM_SLOW ?? 1),
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
