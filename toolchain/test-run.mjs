// `npm test` and `npm run test:all`: builds what is driven, runs it, and says at the end what failed.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ending, runBound } from './bound-process.mjs';
import { needPackages, peers } from './debian.mjs';
import { chosenExecutables, namedProjects } from './executables.mjs';
import { summary } from './failures.mjs';
import { announce } from './progress.mjs';

/** @typedef {import('./failures.mjs').Failure} Failure */
/** @typedef {'test' | 'test:all'} Script */

/**
 * What is run one after the other; the projects of one entry run side by side, as they wait for peers. What measures memory
 * or drives a browser runs alone.
 * @param {Script} script
 * @param {readonly string[]} scenarios projects
 */
function phases(script, scenarios) {
  if (script === 'test:all') return [scenarios];
  return [['unit', 'integration', 'native', ...scenarios], ['devices'], ['e2e']];
}

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
    for await (const more of steps(root, script, args, join(folder, 'failures.json'))) {
      // A program that was ended with us has not failed; a test that did, has.
      failures.push(...(signal === undefined ? more : more.filter(({ isFile }) => isFile)));
      if (signal !== undefined) break;
    }
    if (failures.length > 0) console.error(`\n${summary(failures, process.env)}`);
    if (signal === undefined) return failures.length > 0 ? 1 : 0;
    console.error(`\nEnded by ${signal}, before all was run.`);
    return 128 + constants.signals[signal];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * One step after the other; each gives what failed in it.
 * @param {string} root
 * @param {Script} script
 * @param {readonly string[]} args
 * @param {string} report where vitest is to write what failed
 */
async function* steps(root, script, args, report) {
  const driven = chosenExecutables(script, args);
  await needPackages([...new Set([...peers, ...driven.flatMap(({ packages }) => packages)])]);
  if (script === 'test') yield await check(root);

  /** @type {Set<string>} */
  const unbuilt = new Set();
  const built = driven.filter(({ build }) => build.length > 0);
  for (const [index, executable] of built.entries()) {
    announce(`Building ${executable.name} (${index + 1} of ${built.length})`)();
    const failures = await buildExecutable(root, executable);
    for (const { project } of failures) unbuilt.add(project);
    yield failures;
  }

  if (namedProjects(args).length > 0) {
    if (unbuilt.size === 0) yield await vitest(root, report, args, []);
    return;
  }
  const scenarios = process.env.RM_AGENT ? ['scenarios'] : driven.map(({ name }) => `scenarios-${name}`);
  const runnable = phases(script, scenarios).map((phase) => phase.filter((name) => !unbuilt.has(name)));
  // Files or names are looked for in all projects at once: most have none of them.
  for (const phase of args.length > 0 ? [runnable.flat()] : runnable) {
    if (phase.length > 0) yield await vitest(root, report, args, phase);
  }
}

/**
 * @param {string} root
 * @returns {Promise<Failure[]>}
 */
async function check(root) {
  announce('Checking format and lint')();
  const status = await runBound('node_modules/.bin/biome', ['check', '--error-on-warnings', '.'], {
    cwd: root,
  });
  return status === 0 ? [] : [{ project: '', what: 'format and lint', tests: [], isFile: false }];
}

/**
 * @param {string} root
 * @param {import('./executables.mjs').Executable} executable
 * @returns {Promise<Failure[]>} one for each project that needs it
 */
async function buildExecutable(root, { name, build, clockless, also = [] }) {
  for (const more of clockless === undefined ? [[]] : [[], ['--clockless']]) {
    const args = ['toolchain/build.mjs', ...build, ...more];
    if ((await runBound(process.execPath, args, { cwd: root })) === 0) continue;
    return [`scenarios-${name}`, ...also].map((project) => ({
      project,
      what: `not run: node ${args.join(' ')} failed`,
      tests: [],
      isFile: false,
    }));
  }
  return [];
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
  const reporters = [
    ...(args.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=default']),
    '--reporter=./toolchain/failures-reporter.mjs',
  ];
  // Each by its name: vitest takes several projects that are to be left out for no choice at all.
  const named = projects.map((project) => `--project=${project}`);
  const status = await runBound('node_modules/.bin/vitest', ['run', ...reporters, ...named, ...args], {
    cwd: root,
    env: { RM_FAILURES_FILE: report },
  });
  if (status === 0) return [];
  /** @type {{ failures: Failure[], unhandled: number }} */
  const { failures, unhandled } = existsSync(report)
    ? JSON.parse(readFileSync(report, 'utf8'))
    : { failures: [], unhandled: 0 };
  if (failures.length > 0 && unhandled === 0) return failures;
  const what = unhandled > 0 ? `errors outside of tests: ${unhandled}` : `vitest ended with status ${status}`;
  const whole = projects.length > 0 ? projects : namedProjects(args);
  return [...failures, ...whole.map((project) => ({ project, what, tests: [], isFile: false }))];
}
