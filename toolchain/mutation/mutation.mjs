// `npm run mutation -- FOLDER`: which changes of the code no unit test notices (Stryker, https://stryker-mutator.io).
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runBound } from '../bound-process.mjs';
import { step } from '../step.mjs';
import { sampleOf } from './sample.mjs';
import { survivors } from './survivors.mjs';

const usage = `usage: npm run mutation -- FOLDER [--sample PERCENT] [--seed N] [--integration | --near | --whole] [--fresh]

Changes the code of a folder (or one file) in every way that Stryker knows, runs the unit tests of its package against
each change, and prints a table of the changes that no test has noticed.

  --sample PERCENT   only so many of the changes, chosen at random, without those that act while a module loads
  --seed N           which ones, 1 by default
  --integration      the integration tests in the folder too
  --near             only the unit tests in the folder, without fuzzers and simulations, which is much faster and stricter
  --whole            the unit tests of all packages, which takes several times as long
  --fresh            forget the results of earlier runs; otherwise only what has changed since is run, or all of a sample
`;

/** Where its npm packages are: apart from the workspace, as few people need them. */
const own = 'toolchain/mutation';

/**
 * @param {string} root of the checkout, ready for unit tests
 * @param {string[]} args
 * @returns {Promise<number>} exit status: 0 also when changes have survived, 1 when it could not run, 64 for the arguments
 */
export async function mutation(root, args) {
  const chosen = options(args);
  if (chosen === null || !existsSync(join(root, chosen.folder))) {
    process.stderr.write(chosen === null ? usage : `there is no ${chosen.folder}\n`);
    return 64;
  }
  const { folder, sample, integration, near, whole, fresh } = chosen;
  if (!existsSync(join(root, own, 'node_modules/@stryker-mutator/core'))) {
    const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { status, output } = await step('Installing Stryker', 'npm', npm, { cwd: join(root, own) });
    if (status !== 0) process.stderr.write(output);
    if (status !== 0) return status;
  }
  const results = join('dist/mutation', folder.replaceAll('/', '-'));
  mkdirSync(join(root, results), { recursive: true });
  const tests = `${near ? 'near' : whole ? 'whole' : 'package'}${integration ? '-integration' : ''}`;
  const incrementalFile = join(results, `${tests}.json`);
  if (fresh) rmSync(join(root, incrementalFile), { force: true });
  const report = join(results, 'report.json');
  rmSync(join(root, report), { force: true });
  const configuration = join(results, 'stryker.json');
  const text = JSON.stringify(configurationFor({ ...chosen, incrementalFile, report }), null, 2);
  writeFileSync(join(root, configuration), text);
  const stryker = join(own, 'node_modules/.bin/stryker');
  const [workspace = ''] = folder.split('/');
  const place = folder.endsWith('.ts') ? dirname(folder) : folder;
  const env = {
    RM_MUTATION_TESTS: whole ? '' : workspace,
    RM_MUTATION_INTEGRATION: integration ? place : '',
    RM_MUTATION_NEAR: near ? place : '',
    RM_MUTATION_SAMPLE: sample ?? '',
  };
  const status = await runBound(stryker, ['run', configuration], { cwd: root, env });
  if (!existsSync(join(root, report))) return status || 1;
  console.log(survivors(JSON.parse(readFileSync(join(root, report), 'utf8')), sampleOf(sample ?? '')));
  return 0;
}

/**
 * @typedef {object} Options
 * @property {string} folder
 * @property {string | null} sample as in RM_MUTATION_SAMPLE; null: all
 * @property {boolean} integration
 * @property {boolean} near
 * @property {boolean} whole
 * @property {boolean} fresh
 */

/**
 * @param {string[]} args
 * @returns {Options | null} null: they make no sense
 */
function options(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        sample: { type: 'string' },
        seed: { type: 'string', default: '1' },
        integration: { type: 'boolean', default: false },
        near: { type: 'boolean', default: false },
        whole: { type: 'boolean', default: false },
        fresh: { type: 'boolean', default: false },
      },
    });
    const [folder, ...more] = positionals;
    const { sample, seed, ...flags } = values;
    const percent = Number(sample ?? 100);
    if (flags.near && (flags.whole || flags.integration)) return null;
    if (folder === undefined || more.length > 0 || !/^\d+$/.test(seed) || !(percent > 0)) return null;
    return {
      ...flags,
      folder: folder.replace(/\/+$/, ''),
      sample: sample === undefined ? null : `${percent} ${seed}`,
    };
  } catch {
    return null;
  }
}

/** @param {Options & { incrementalFile: string, report: string }} options */
function configurationFor({ folder, sample, integration, incrementalFile, report }) {
  const code = folder.endsWith('.ts') ? [folder] : [`${folder}/**/*.ts`, '!**/*.test.ts', '!**/testing/**'];
  return {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', ...(sample ? [join(process.cwd(), own, 'sample.mjs')] : [])],
    vitest: { configFile: `${own}/vitest.config.ts`, related: true },
    mutate: code,
    // What needs no copy in the sandbox.
    ignorePatterns: [
      'dist',
      '**/dist',
      '**/build',
      'test/devices',
      'test/e2e',
      'test/scenarios',
      'docs/images',
    ],
    incremental: sample === null,
    incrementalFile,
    // Each of these takes the time of all tests.
    ignoreStatic: sample !== null,
    // A mutant that loops is ended this long after the time of its tests, on a busy machine too.
    timeoutMS: 30_000,
    timeoutFactor: 3,
    dryRunTimeoutMinutes: 30,
    // Integration tests wait most of the time.
    concurrency: integration ? 4 : 2,
    checkers: sample ? ['sample'] : [],
    disableTypeChecks: false,
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    // None: Stryker would rewrite the paths in it, with a compiler interface that TypeScript 7 has not.
    tsconfigFile: 'none.json',
    tempDirName: '.stryker-tmp',
    allowEmpty: true,
  };
}
