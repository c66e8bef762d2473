import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { rules, unlisted, workspaces } from './rules.mjs';

// dependency-cruiser does not tell its parser which files have JSX. It has to be told before it is loaded there.
/** @type {{ parseFileSync: (file: string, options: object) => unknown }} */
const parser = createRequire(import.meta.url)('@swc/core');
const { parseFileSync } = parser;
parser.parseFileSync = (file, options) => parseFileSync(file, { ...options, tsx: file.endsWith('.tsx') });
const { cruise } = await import('dependency-cruiser');

/** Entries of our packages, as their sources. */
const entries = {
  'rm-protocol': 'protocol/src/index.ts',
  'rm-agent': 'agent/sdk/index.ts',
  'rm-reflector': 'reflector-minimal/src/index.ts',
  'rm-reflector/ports': 'reflector-minimal/src/ports/index.ts',
  'rm-reflector/ports/conformance': 'reflector-minimal/src/ports/conformance/index.ts',
};

/**
 * What the rules forbid, one line each; imports of types count.
 * @param {string} root of the checkout
 * @param {readonly string[]} folders to read, relative to it
 */
export async function importFaults(root, folders = workspaces) {
  const { output } = await cruise(
    [...folders],
    {
      baseDir: root,
      parser: 'swc',
      tsPreCompilationDeps: true,
      ruleSet: { forbidden: rules },
      validate: true,
      exclude: { path: ['(^|/)(dist|node_modules)/', '^agent/tiny/build/'] },
    },
    {
      alias: Object.fromEntries(
        Object.entries(entries).map(([name, path]) => [`${name}$`, join(root, path)]),
      ),
    },
  );
  if (typeof output === 'string') throw new TypeError('dependency-cruiser was asked for a report');
  const faults = output.summary.violations.map(({ from, to, rule, cycle }) => {
    if (rule.name === unlisted) return `${dirname(from)}: ${rule.name}`;
    const way = cycle ? cycle.map(({ name }) => name) : [to];
    return `${[from, ...way].join(' → ')}: ${rule.name}`;
  });
  return [...new Set(faults)];
}
