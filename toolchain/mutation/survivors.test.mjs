import { expect, it } from 'vitest';
import { notSampled } from './sample.mjs';
import { survivors } from './survivors.mjs';

/**
 * @param {string} status
 * @param {number} line
 * @param {readonly [number, number]} columns
 * @param {string} replacement
 */
const mutant = (status, line, [from, to], replacement) => ({
  mutatorName: 'EqualityOperator',
  replacement,
  status,
  location: { start: { line, column: from }, end: { line, column: to } },
});

const all = { percent: 100, seed: 1 };

it('lists what no test has noticed, by file and line, with the score', () => {
  const source = 'const a = b < c;\nconst d = e < f;\n';
  const report = {
    files: {
      'x/z.ts': { source, mutants: [mutant('Survived', 2, [11, 16], 'e <= f')] },
      'x/a.ts': {
        source,
        mutants: [
          mutant('NoCoverage', 1, [11, 16], 'b >= c'),
          mutant('Killed', 2, [11, 16], 'e >= f'),
          mutant('Timeout', 2, [11, 16], 'true'),
          mutant('Ignored', 2, [11, 16], 'false'),
        ],
      },
    },
  };
  expect(survivors(report, all).split('\n')).toEqual([
    'x/a.ts:1:11  EqualityOperator  b < c  →  b >= c  (no test runs it)',
    'x/z.ts:2:11  EqualityOperator  e < f  →  e <= f',
    '2 of 4 mutants noticed, 1 of them by the time limit: 50.0 %',
  ]);
});

it('counts only what is in the sample, also of what Stryker decides without running it', () => {
  const mutants = [1, 2, 3, 4, 5, 6, 7, 8].map((line) => mutant('NoCoverage', line, [1, 2], ''));
  const left = { ...mutant('CompileError', 9, [1, 2], ''), statusReason: notSampled };
  const report = { files: { 'x/a.ts': { source: 'a\n'.repeat(9), mutants: [...mutants, left] } } };
  const lines = (/** @type {number} */ seed) => survivors(report, { percent: 50, seed }).split('\n');
  expect(lines(1)).toEqual(lines(1));
  expect(lines(1)).not.toEqual(lines(2));
  expect(survivors(report, all)).toMatch(/^0 of 8 /m);
  expect(lines(1).length).toBeLessThan(9);
});
