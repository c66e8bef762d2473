// `npm test` and `npm run test:all`: installs and builds what is needed, runs the tests, and says at the end what failed.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ending, runBound } from './bound-process.mjs';
import { activeDirectory, guests, native, needPackages, peers, releases } from './debian.mjs';
import { buildsFor, chosenExecutables, namedProjects, withoutProjects } from './executables.mjs';
import { summary } from './failures.mjs';
import { isOtherNode, otherNodes, testOnOtherNode } from './other-node.mjs';
import { compile, installPackages } from './prepare.mjs';
import { boards, machines } from './qemu/machines.mjs';
import { step } from './step.mjs';

/** @typedef {import('./failures.mjs').Failure} Failure */
/** @typedef {'test' | 'test:all'} Script */

/** Files that run at once: more than the machine has cores, because most of what they do is to wait for peers. */
const workers = /** @type {const} */ ({ test: 6, 'test:all': 4 });

/**
 * The projects of a script that need no executable named.
 * @type {Readonly<Record<Script, readonly string[]>>}
 */
const always = {
  test: ['e2e', 'devices', 'native', 'integration', 'postgresql'],
  'test:all': [
    'long',
    'native-sanitize',
    'postgresql-more',
    'release',
    ...boards.filter(({ onDemand }) => !onDemand).map(({ name }) => name),
  ],
};

/**
 * What emulated boards need.
 * @param {boolean} withOnDemand
 */
const emulators = (withOnDemand) => [
  ...guests,
  ...Object.values(machines).flatMap(({ own, packages }) => (own && !withOnDemand ? [] : packages)),
];

/**
 * Runs everything even after a failure, so that one run tells all of them.
 *
 * @param {string} root of the checkout
 * @param {Script} script
 * @param {readonly string[]} args for vitest; with `--project` the projects are those named there
 * @returns {Promise<number>} exit status: 0, 1 when anything failed, 128 and the number of the signal that ended it
 */
export async function runTests(root, script, args) {
  /** @type {NodeJS.Signals | undefined} */
  let signal;
  ending().then((name) => {
    signal = name;
  });
  const folder = mkdtempSync(join(tmpdir(), 'rm-test-'));
  try {
    /** @type {Failure[]} */
    const failures = [];
    for await (const more of steps(root, script, args, folder)) {
      // A program that was ended with us has not failed; a test that did, has.
      failures.push(...(signal === undefined ? more : more.filter(({ isFile }) => isFile)));
      if (signal !== undefined) break;
    }
    if (failures.length > 0) tell(`\n${summary(failures, process.env)}\n`);
    if (signal === undefined) return failures.length > 0 ? 1 : 0;
    tell(`\nEnded by ${signal}, before all was run.\n`);
    return 128 + constants.signals[signal];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Says it last on standard output, which is all that some services keep; and into the file that TEST_SUMMARY names,
 * for whoever runs more after this.
 * @param {string} text
 */
function tell(text) {
  process.stdout.write(text);
  const { TEST_SUMMARY } = process.env;
  if (TEST_SUMMARY) appendFileSync(TEST_SUMMARY, text);
}

/**
 * One step after the other; each gives what failed in it.
 * @param {string} root
 * @param {Script} script
 * @param {readonly string[]} args
 * @param {string} folder for what vitest is to write about failures
 */
async function* steps(root, script, args, folder) {
  const driven = chosenExecutables(script, args);
  const boardIsNamed = namedProjects(args).some((name) => name.startsWith('boards-'));
  const withReleases = script === 'test:all' || namedProjects(args).includes('release');
  const withLong = script === 'test:all' || namedProjects(args).includes('long');
  const packages = [
    ...[...peers, ...driven.flatMap((executable) => executable.packages)],
    ...(script === 'test:all' || boardIsNamed ? emulators(boardIsNamed) : []),
    ...(withReleases ? releases : []),
    ...(withLong ? activeDirectory : []),
  ];
  // One after the other: what builds, a compiler for npm packages, and while the rest is installed, all is built. Without the right
  // to install, all that is missing is named at once.
  const builders = needPackages(process.getuid?.() === 0 ? native : [...new Set([...native, ...packages])]);
  const npmPackages = installPackages(root);
  const peersInstalled = needPackages([...new Set(packages)]);
  const { compiled } = await npmPackages;

  const named = namedProjects(args);
  const whole = args.length === 0;
  const scenarios = process.env.RM_AGENT ? ['scenarios'] : driven.map(({ name }) => `scenarios-${name}`);
  const beside = script === 'test' && whole ? ['unit'] : [];
  const found = await Promise.all([
    compile(root).then(() => (script === 'test' ? check(root) : [])),
    builders.then(() => buildAll(root, buildsFor(script, args))),
    compiled.then(() => (beside.length > 0 ? unitTests(root, join(folder, 'unit.json')) : [])),
    peersInstalled.then(() => []),
  ]);
  yield found.flat();

  const unbuilt = new Set(found[1].map(({ project }) => project));
  const report = join(folder, 'failures.json');
  if (named.length === 0) {
    // Files or names are looked for in all projects at once: most have none of them.
    const projects = [...(script === 'test' && !whole ? ['unit'] : []), ...always[script], ...scenarios];
    const runnable = projects.filter((name) => !unbuilt.has(name));
    if (runnable.length > 0)
      yield await vitest(root, report, [`--maxWorkers=${workers[script]}`, ...args], runnable);
  } else if (unbuilt.size === 0 && named.some((name) => !isOtherNode(name))) {
    yield await vitest(root, report, withoutProjects(args, isOtherNode), []);
  }

  const all = script === 'test:all' && whole ? otherNodes : [];
  const others = named.length > 0 ? otherNodes.filter((name) => named.includes(name)) : all;
  const filters = withoutProjects(args, () => true);
  for (const name of others) yield await testOnOtherNode(root, name, filters);
}

/**
 * @param {string} root
 * @returns {Promise<Failure[]>}
 */
async function check(root) {
  /** @type {Failure[]} */
  const failures = [];
  for (const [what, command, ...args] of [
    ['format and lint', 'node_modules/.bin/biome', 'check', '--error-on-warnings', '.'],
    ['imports', process.execPath, 'toolchain/imports/check.mjs'],
  ]) {
    const { status, output } = await step(`Checking ${what}`, command ?? '', args, { cwd: root });
    if (status === 0) continue;
    process.stderr.write(output);
    failures.push({ project: '', what: what ?? '', tests: [], isFile: false });
  }
  return failures;
}

/**
 * One after the other: each uses all cores.
 * @param {string} root
 * @param {readonly import('./executables.mjs').Build[]} builds
 * @returns {Promise<Failure[]>} one for each project that needs what was not built
 */
async function buildAll(root, builds) {
  /** @type {Failure[]} */
  const failures = [];
  for (const [index, { args, projects }] of builds.entries()) {
    const all = ['toolchain/build.mjs', ...args];
    const title = `Building ${args.join(' ')} (${index + 1} of ${builds.length})`;
    const { status, output, signal } = await step(title, process.execPath, all, { cwd: root });
    if (status === 0) continue;
    process.stderr.write(output);
    const what = `not run: node ${all.join(' ')} failed`;
    failures.push(...projects.map((project) => ({ project, what, tests: [], isFile: false })));
    if (signal !== undefined) break;
  }
  return failures;
}

/**
 * As {@link vitest}, while executables are built: what it prints appears at the end.
 * @param {string} root
 * @param {string} report
 */
async function unitTests(root, report) {
  const args = vitestArguments([], ['unit']);
  const { status, output } = await step('Running the unit tests', 'node_modules/.bin/vitest', args, {
    cwd: root,
    env: { RM_FAILURES_FILE: report },
  });
  process.stdout.write(output);
  return failuresIn(report, status, ['unit']);
}

/**
 * @param {readonly string[]} args
 * @param {readonly string[]} projects
 */
function vitestArguments(args, projects) {
  return [
    'run',
    ...(args.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=default']),
    '--reporter=./toolchain/failures-reporter.mjs',
    // Each by its name: vitest takes several projects that are to be left out for no choice at all.
    ...projects.map((project) => `--project=${project}`),
    ...args,
  ];
}

/**
 * @param {string} root
 * @param {string} report
 * @param {readonly string[]} args
 * @param {readonly string[]} projects
 * @returns {Promise<Failure[]>}
 */
async function vitest(root, report, args, projects) {
  rmSync(report, { force: true });
  /** @type {Failure[] | undefined} */
  let failedBefore;
  // What a test says once its programs are ended with us is no failure.
  ending().then(() => {
    failedBefore = reported(report).failures;
  });
  const status = await runBound('node_modules/.bin/vitest', vitestArguments(args, projects), {
    cwd: root,
    env: { RM_FAILURES_FILE: report },
  });
  return failedBefore ?? failuresIn(report, status, projects.length > 0 ? projects : namedProjects(args));
}

/**
 * @param {string} report
 * @returns {{ failures: Failure[], unhandled: number }}
 */
function reported(report) {
  return existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { failures: [], unhandled: 0 };
}

/**
 * @param {string} report what vitest has written
 * @param {number} status with which it has ended
 * @param {readonly string[]} projects
 * @returns {Failure[]}
 */
function failuresIn(report, status, projects) {
  if (status === 0) return [];
  const { failures, unhandled } = reported(report);
  if (failures.length > 0 && unhandled === 0) return failures;
  const what = unhandled > 0 ? `errors outside of tests: ${unhandled}` : `vitest ended with status ${status}`;
  return [...failures, ...projects.map((project) => ({ project, what, tests: [], isFile: false }))];
}
