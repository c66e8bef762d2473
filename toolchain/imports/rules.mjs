// What allowed.mjs says, as rules of dependency-cruiser.
import { packages, testsImport } from './allowed.mjs';

/** @typedef {import('dependency-cruiser').IRegularForbiddenRuleType} Rule */

/** Workspaces with rules, as dependency-cruiser is to read them. */
export const workspaces = Object.keys(testsImport);
const ours = `^(${[...workspaces, 'examples', 'test', 'toolchain'].join('|')})/`;
/** Tests and what only they use. */
const tests = [
  '[.]test[.](ts|mjs)$',
  '/testing/',
  '/ports/conformance/',
  '^agent/simulation/',
  '^agent/tiny/test/',
  '^test/',
];

/** For each folder or file with rules, what it may import. Paths from the root of the checkout. */
export const arrows = new Map(
  packages.flatMap(({ root, uses, base, folders }) => [
    ...base
      .map((file) => `${root}/${file}`)
      .map((file, index, files) => /** @type {const} */ ([file, [...uses, ...files.slice(0, index)]])),
    ...Object.entries(folders).map(
      ([folder, imports]) =>
        /** @type {const} */ ([
          `${root}/${folder}`,
          [...uses, ...[...base, ...imports].map((name) => `${root}/${name}`)],
        ]),
    ),
  ]),
);

/**
 * For the files of a folder without those in deeper folders that have rules of their own, or for one file.
 * @param {string} path
 */
function pattern(path) {
  if (/[.]tsx?$/.test(path)) return `^${path.replaceAll('.', '[.]')}$`;
  const deeper = [...arrows.keys()].filter((other) => other.startsWith(`${path}/`));
  return `^${path}/${deeper.map((other) => `(?!${other.slice(path.length + 1)}/)`).join('')}`;
}

/**
 * A way along the arrows that leads back, or undefined.
 * @param {ReadonlyMap<string, readonly string[]>} graph
 * @returns {readonly string[] | undefined}
 */
export function cycle(graph) {
  const done = new Set();
  /** @type {(node: string, way: readonly string[]) => readonly string[] | undefined} */
  const follow = (node, way) => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const found = follow(next, [...way, node]);
      if (found) return found;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = follow(node, []);
    if (found) return found;
  }
  return undefined;
}

const circle = cycle(arrows);
if (circle) throw new Error(`toolchain/imports/allowed.mjs allows a cycle: ${circle.join(' → ')}`);

/** @type {Rule[]} */
const folderRules = [...arrows].map(([path, imports]) => ({
  name: `${path} may not import this`,
  severity: 'error',
  from: { path: pattern(path), pathNot: tests },
  to: { path: ours, pathNot: [path, ...imports].map(pattern) },
}));

/** @type {Rule[]} */
const testRules = Object.entries(testsImport).map(([workspace, others]) => ({
  name: `tests of ${workspace} may not import this`,
  severity: 'error',
  from: { path: `^${workspace}/`, pathNot: [] },
  to: { path: ours, pathNot: [workspace, ...others].map((path) => `^${path}/`) },
}));

/** Name of the rule for files of a folder that allowed.mjs lacks. */
export const unlisted = 'toolchain/imports/allowed.mjs does not list this folder';

/** @type {Rule[]} */
export const rules = [
  ...folderRules,
  ...testRules,
  {
    name: unlisted,
    severity: 'error',
    from: { path: `^(${workspaces.join('|')})/`, pathNot: [...[...arrows.keys()].map(pattern), ...tests] },
    to: {},
  },
  {
    name: 'only tests import tests',
    severity: 'error',
    from: { path: ours, pathNot: tests },
    to: { path: tests },
  },
  {
    name: 'the core imports nothing from outside',
    severity: 'error',
    from: { path: '^(protocol|agent)/src/', pathNot: tests },
    to: { pathNot: ours },
  },
  { name: 'no cycle', severity: 'error', from: {}, to: { circular: true } },
];
