// `--sample`: a part of the mutants, chosen by a digest, so that the same seed always chooses the same ones.
import { createHash } from 'node:crypto';
import { relative } from 'node:path';

/** Why a mutant is left out, in Stryker's report. */
export const notSampled = 'not in the sample';

/**
 * @typedef {object} Change
 * @property {string} file from the root of the checkout
 * @property {{ start: { line: number, column: number } }} location from 1
 * @property {string} mutatorName
 * @property {string} [replacement]
 */

/** @typedef {{ percent: number, seed: number }} Sample */

/**
 * @param {Change} change
 * @param {Sample} sample
 */
export function isSampled({ file, location: { start }, mutatorName, replacement }, { percent, seed }) {
  const key = [seed, file, start.line, start.column, mutatorName, replacement].join('\n');
  return createHash('sha256').update(key).digest().readUInt32BE() < (percent / 100) * 2 ** 32;
}

/**
 * @param {string} text of the environment variable RM_MUTATION_SAMPLE, `PERCENT SEED`; empty: all
 * @returns {Sample}
 */
export function sampleOf(text) {
  const [percent = 100, seed = 1] = text === '' ? [] : text.split(' ').map(Number);
  return { percent, seed };
}

/** Stryker's interface of a checker: what it calls a compile error is not run. */
class SampleChecker {
  async init() {}

  /** @param {(Omit<Change, 'file'> & { id: string, fileName: string })[]} mutants with locations from 0 */
  async check(mutants) {
    const sample = sampleOf(process.env.RM_MUTATION_SAMPLE ?? '');
    const results = mutants.map(({ id, fileName, location: { start }, ...mutant }) => {
      const file = relative(process.cwd(), fileName);
      const location = { start: { line: start.line + 1, column: start.column + 1 } };
      const passed = isSampled({ ...mutant, file, location }, sample);
      return [id, passed ? { status: 'passed' } : { status: 'compileError', reason: notSampled }];
    });
    return Object.fromEntries(results);
  }
}

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', injectableClass: SampleChecker }];
