import { expect, it } from 'vitest';
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
  expect(survivors(report).split('\n')).toEqual([
    'x/a.ts:1:11  EqualityOperator  b < c  →  b >= c  (no test runs it)',
    'x/z.ts:2:11  EqualityOperator  e < f  →  e <= f',
    '2 of 4 mutants noticed: 50.0 %',
  ]);
});
