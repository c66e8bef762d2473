import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import WaitingFirst, { waiting } from './waiting-first.mjs';

const file = (/** @type {string} */ name) => fileURLToPath(new URL(`../${name}.test.ts`, import.meta.url));

test('files that wait come first, and all others in the order of vitest', async () => {
  const project = (/** @type {string} */ name) => ({
    name,
    config: { isolate: true, sequence: { groupOrder: 0 } },
  });
  const named = [
    ['e2e', 'test/e2e/curl'],
    ['e2e', 'test/e2e/networks'],
    ['scenarios-x86_64', 'test/scenarios/liveness'],
    ['scenarios-node', 'test/scenarios/liveness'],
    ['devices', 'test/devices/devices'],
  ].map(([name = '', path = '']) => ({ project: project(name), moduleId: file(path) }));
  const cache = { getFileTestResults: () => undefined, getFileStats: () => undefined };
  const sequencer = new WaitingFirst(/** @type {any} */ ({ cache, config: { root: '/' } }));
  const sorted = await sequencer.sort(/** @type {any} */ (named));
  expect(sorted.map(({ project: { name }, moduleId }) => [name, moduleId])).toEqual([
    ['e2e', file('test/e2e/networks')],
    ['scenarios-node', file('test/scenarios/liveness')],
    ['scenarios-x86_64', file('test/scenarios/liveness')],
    ['devices', file('test/devices/devices')],
    ['e2e', file('test/e2e/curl')],
  ]);
});

test.each(waiting)('%s is there', (name) => {
  expect(existsSync(file(name))).toBe(true);
});
