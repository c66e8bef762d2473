import { expect, it } from 'vitest';
import { summary } from './failures.mjs';

const link = {
  project: 'scenarios-node',
  what: 'test/scenarios/link.test.ts',
  tests: ['back-off > doubles', 'back-off > ends'],
  isFile: true,
};

it('names projects, files and tests, and one command for all of them', () => {
  const other = { ...link, project: 'scenarios-x86_64', tests: ['back-off > ends'] };
  const broken = { project: 'unit', what: 'agent/src/program/main.test.ts', tests: [], isFile: true };
  expect(summary([link, other, broken], {})).toBe(`Failed:
  scenarios-node  test/scenarios/link.test.ts
    back-off > doubles
    back-off > ends
  scenarios-x86_64  test/scenarios/link.test.ts
    back-off > ends
  unit  agent/src/program/main.test.ts
Repeat it with:
  npm test -- --project=scenarios-node --project=scenarios-x86_64 --project=unit test/scenarios/link.test.ts agent/src/program/main.test.ts`);
});

it('repeats the whole of a project that failed as a whole', () => {
  const build = { project: 'scenarios-armv5', what: 'its build', tests: [], isFile: false };
  expect(summary([link, build], {})).toMatch(
    /\n {2}npm test -- --project=scenarios-node --project=scenarios-armv5$/,
  );
});

it('repeats a failed check of the sources alone, and beside tests with them, as npm test checks first', () => {
  const format = { project: '', what: 'format and lint', tests: [], isFile: false };
  expect(summary([format], {})).toBe('Failed:\n  format and lint\nRepeat it with:\n  npm run check');
  expect(summary([format, link], {})).toMatch(
    /\n {2}npm test -- --project=scenarios-node test\/scenarios\/link\.test\.ts$/,
  );
});

it('repeats the settings of the run', () => {
  expect(summary([link], { HOME: '/root', RM_AGENT: "it's dist/agent", RM_SEED: '7' })).toContain(
    `\n  RM_AGENT='it'\\''s dist/agent' RM_SEED=7 npm test -- --project`,
  );
});
