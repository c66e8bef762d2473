// What failed in a run of the tests, and the one command that repeats it: the last lines of `npm test`.

/**
 * @typedef {object} Failure
 * @property {string} project of vitest; empty: a check that is none of vitest's
 * @property {string} what the test file, or what else failed
 * @property {readonly string[]} tests those that failed, each with its error; empty: it failed as a whole
 * @property {boolean} isFile whether `what` is a test file
 */

/**
 * @param {readonly Failure[]} failures
 * @param {Readonly<Record<string, string | undefined>>} env of the run
 */
export function summary(failures, env) {
  const lines = failures.flatMap(({ project, what, tests }) => [
    `  ${[project, what].filter((part) => part !== '').join('  ')}`,
    ...tests.map((test) => `    ${test}`),
  ]);
  return ['Failed:', ...lines, 'Repeat it with:', `  ${repetition(failures, env)}`].join('\n');
}

/**
 * @param {readonly Failure[]} failures
 * @param {Readonly<Record<string, string | undefined>>} env
 */
function repetition(failures, env) {
  const projects = [...new Set(failures.map(({ project }) => project))].filter((name) => name !== '');
  if (projects.length === 0) return 'npm run check';
  // A project that failed as a whole has no file to name, and with the files of others it would be left out.
  const ofProjects = failures.filter(({ project }) => project !== '');
  const files = ofProjects.every(({ isFile }) => isFile)
    ? [...new Set(ofProjects.map(({ what }) => what))]
    : [];
  const settings = Object.entries(env)
    .filter(([name]) => name.startsWith('RM_'))
    .map(([name, value = '']) => `${name}=${quoted(value)}`);
  return [...settings, 'npm test --', ...projects.map((name) => `--project=${name}`), ...files].join(' ');
}

/**
 * A word of the shell.
 * @param {string} text
 */
function quoted(text) {
  return /^[\w./:,=-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
