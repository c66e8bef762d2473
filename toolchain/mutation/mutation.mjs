// `npm run mutation -- FOLDER`: which changes of the code no unit test notices (Stryker, https://stryker-mutator.io).
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runBound } from '../bound-process.mjs';
import { step } from '../step.mjs';
import { survivors } from './survivors.mjs';

const usage = `usage: npm run mutation -- FOLDER [--whole] [--fresh]

Changes the code of a folder (or one file) in every way that Stryker knows, runs the unit tests of its package against
each change, and prints a table of the changes that no test has noticed.

  --whole   the unit tests of all packages, which takes several times as long
  --fresh   forget the results of earlier runs; otherwise only what has changed since is run
`;

/** Where its npm packages are: apart from the workspace, as few people need them. */
const own = 'toolchain/mutation';

/**
 * @param {string} root of the checkout, ready for unit tests
 * @param {string[]} args
 * @returns {Promise<number>} exit status: 0 also when changes have survived, 1 when it could not run, 64 for the arguments
 */
export async function mutation(root, args) {
  const { folder, whole, fresh } = options(args);
  if (folder === undefined || !existsSync(join(root, folder))) {
    process.stderr.write(folder === undefined ? usage : `there is no ${folder}\n`);
    return 64;
  }
  if (!existsSync(join(root, own, 'node_modules/@stryker-mutator/core'))) {
    const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { status, output } = await step('Installing Stryker', 'npm', npm, { cwd: join(root, own) });
    if (status !== 0) process.stderr.write(output);
    if (status !== 0) return status;
  }
  const results = join('dist/mutation', folder.replaceAll('/', '-'));
  mkdirSync(join(root, results), { recursive: true });
  const incrementalFile = join(results, `${whole ? 'whole' : 'package'}.json`);
  if (fresh) rmSync(join(root, incrementalFile), { force: true });
  const report = join(results, 'report.json');
  rmSync(join(root, report), { force: true });
  const configuration = join(results, 'stryker.json');
  const text = JSON.stringify(configurationFor(folder, incrementalFile, report), null, 2);
  writeFileSync(join(root, configuration), text);
  const stryker = join(own, 'node_modules/.bin/stryker');
  const [workspace = ''] = folder.split('/');
  const env = { RM_MUTATION_TESTS: whole ? '' : workspace };
  const status = await runBound(stryker, ['run', configuration], { cwd: root, env });
  if (!existsSync(join(root, report))) return status || 1;
  console.log(survivors(JSON.parse(readFileSync(join(root, report), 'utf8'))));
  return 0;
}

/** @param {string[]} args */
function options(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { whole: { type: 'boolean', default: false }, fresh: { type: 'boolean', default: false } },
    });
    const [folder, ...more] = positionals;
    return { ...values, folder: more.length > 0 ? undefined : folder?.replace(/\/+$/, '') };
  } catch {
    return { folder: undefined, whole: false, fresh: false };
  }
}

/**
 * @param {string} folder
 * @param {string} incrementalFile
 * @param {string} report
 */
function configurationFor(folder, incrementalFile, report) {
  const code = folder.endsWith('.ts') ? [folder] : [`${folder}/**/*.ts`, '!**/*.test.ts', '!**/testing/**'];
  return {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
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
    incremental: true,
    incrementalFile,
    // A mutant that loops is ended this long after the time of its tests.
    timeoutMS: 10_000,
    timeoutFactor: 2,
    concurrency: 2,
    checkers: [],
    disableTypeChecks: false,
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    // None: Stryker would rewrite the paths in it, with a compiler interface that TypeScript 7 has not.
    tsconfigFile: 'none.json',
    tempDirName: '.stryker-tmp',
    allowEmpty: true,
  };
}
