// The end of `npm run mutation`: what has survived, in the words of a compiler.
import { isSampled, notSampled } from './sample.mjs';

/**
 * @typedef {object} Mutant
 * @property {string} mutatorName
 * @property {string} [replacement] what it has in the place of the code
 * @property {string} status
 * @property {string} [statusReason]
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
 * @param {import('./sample.mjs').Sample} sample the mutants that count; Stryker has run no other
 */
export function survivors({ files }, sample) {
  const counted = Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status, statusReason }) => status !== 'Ignored' && statusReason !== notSampled)
      .filter((mutant) => isSampled({ ...mutant, file }, sample))
      .map((mutant) => ({ ...mutant, file, source })),
  );
  const alive = counted.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  const rows = alive.map(({ file, source, location, mutatorName, replacement = '', status }) => {
    const { line, column } = location.start;
    const change = `${short(codeAt(source, location))}  →  ${short(replacement)}`;
    const untested = status === 'NoCoverage' ? '  (no test runs it)' : '';
    return { file, line, text: `${file}:${line}:${column}  ${mutatorName}  ${change}${untested}` };
  });
  rows.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  const noticed = counted.length - alive.length;
  const score = counted.length === 0 ? 100 : (100 * noticed) / counted.length;
  const late = counted.filter(({ status }) => status === 'Timeout').length;
  const how = late === 0 ? '' : `, ${late} of them by the time limit`;
  const end = `${noticed} of ${counted.length} mutants noticed${how}: ${score.toFixed(1)} %`;
  return [...rows.map(({ text }) => text), end].join('\n');
}
