// The end of `npm run mutation`: what has survived, in the words of a compiler.

/**
 * @typedef {object} Mutant
 * @property {string} mutatorName
 * @property {string} [replacement] what it has in the place of the code
 * @property {string} status
 * @property {{ start: { line: number, column: number }, end: { line: number, column: number } }} location from 1
 */

/** @typedef {{ files: Record<string, { source: string, mutants: Mutant[] }> }} Report of Stryker, mutation-testing-report-schema */

/** The longest piece of code in the table. */
const mostCode = 60;

/** @param {string} code */
function short(code) {
  const line = code.replace(/\s+/g, ' ').trim();
  return line.length > mostCode ? `${line.slice(0, mostCode - 1)}…` : line;
}

/**
 * @param {string} source
 * @param {Mutant['location']} location
 */
function codeAt(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const last = lines.length - 1;
  lines[last] = (lines[last] ?? '').slice(0, end.column - 1);
  lines[0] = (lines[0] ?? '').slice(start.column - 1);
  return lines.join('\n');
}

/**
 * A line for each mutant that no test has noticed, and the score. A mutant that runs into the time limit or does not
 * compile has been noticed.
 * @param {Report} report
 */
export function survivors({ files }) {
  const all = Object.values(files).flatMap(({ mutants }) => mutants);
  const alive = (/** @type {Mutant} */ { status }) => status === 'Survived' || status === 'NoCoverage';
  const counted = all.filter(({ status }) => status !== 'Ignored');
  const rows = Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants.filter(alive).map((mutant) => {
      const { line, column } = mutant.location.start;
      const change = `${short(codeAt(source, mutant.location))}  →  ${short(mutant.replacement ?? '')}`;
      const untested = mutant.status === 'NoCoverage' ? '  (no test runs it)' : '';
      return { file, line, text: `${file}:${line}:${column}  ${mutant.mutatorName}  ${change}${untested}` };
    }),
  );
  rows.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  const noticed = counted.length - rows.length;
  const score = counted.length === 0 ? 100 : (100 * noticed) / counted.length;
  const end = `${noticed} of ${counted.length} mutants noticed: ${score.toFixed(1)} %`;
  return [...rows.map(({ text }) => text), end].join('\n');
}
