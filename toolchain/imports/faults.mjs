import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { rules, unlisted, workspaces } from './rules.mjs';

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
