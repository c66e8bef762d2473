import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { packages } from './allowed.mjs';
import { importFaults } from './faults.mjs';
import { arrows, cycle } from './rules.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** @type {string[]} */
const made = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/**
 * What is found in a checkout of these files, the words of the rule left out.
 * @param {Readonly<Record<string, string>>} files
 */
async function faultsIn(files) {
  const checkout = mkdtempSync(join(tmpdir(), 'rm-imports-'));
  made.push(checkout);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    writeFileSync(join(checkout, path), text);
  }
  const folders = [...new Set(Object.keys(files).map((path) => path.split('/')[0] ?? ''))];
  return importFaults(checkout, folders);
}

const b = { 'agent/src/link/b.ts': 'export type B = 1;', 'protocol/src/index.ts': 'export type P = 1;' };

describe('the check of imports', () => {
  it.each([
    ['upwards', "import { B } from '../link/b.ts'; console.log(B);"],
    ['of types upwards', "import type { B } from '../link/b.ts';"],
    ['of some types', "import { type B } from '../link/b.ts';"],
    ['that is passed on', "export * from '../link/b.ts';"],
    ['of types passed on', "export type { B } from '../link/b.ts';"],
    ['that waits', "export const later = () => import('../link/b.ts');"],
  ])('finds one %s', async (_, text) => {
    expect(await faultsIn({ ...b, 'agent/src/dial/a.ts': text })).toEqual([
      expect.stringMatching(
        /^agent\/src\/dial\/a.ts → agent\/src\/link\/b.ts: agent\/src\/dial may not import this$/,
      ),
    ]);
  });

  it('takes what is allowed, and more in tests', async () => {
    const files = {
      ...b,
      'agent/src/dial/c.ts': "import type { P } from 'rm-protocol';",
      'agent/src/link/d.ts': "import '../dial/c.ts';",
      'agent/src/dial/c.test.ts': "import { existsSync } from 'node:fs';\nimport '../link/b.ts';",
    };
    expect(await faultsIn(files)).toEqual([]);
  });

  it('finds cycles between files, by types too', async () => {
    const files = {
      'protocol/src/x.ts': "import type { Y } from './y.ts';\nexport type X = Y;",
      'protocol/src/y.ts': "import type { X } from './x.ts';\nexport type Y = X;",
    };
    expect(await faultsIn(files)).toEqual([expect.stringMatching(/x\.ts → .*y\.ts → .*x\.ts: no cycle$/)]);
  });

  it('finds folders without a rule', async () => {
    const files = { ...b, 'client/src/extra/z.ts': "import type { P } from 'rm-protocol';" };
    expect(await faultsIn(files)).toEqual([expect.stringMatching(/^client\/src\/extra: .*does not list/)]);
  });

  it('finds other packages, the machine and tests', async () => {
    const files = {
      ...b,
      'agent/sdk/index.ts': 'export const agent = 1;',
      'client/src/tunnel/t.ts': "import { agent } from 'rm-agent'; console.log(agent);",
      'protocol/src/machine.ts': "import { existsSync } from 'node:fs'; console.log(existsSync);",
      'agent/src/link/e.ts': "import '../link/testing/f.ts';",
      'agent/src/link/testing/f.ts': 'export const f = 1;',
      'protocol/src/p.test.ts': "import '../../agent/src/link/b.ts';",
    };
    const words = [
      'client/src/tunnel may not import',
      'imports nothing from outside',
      'only tests import tests',
      'tests of protocol may not import',
    ];
    const found = (await faultsIn(files)).join('\n');
    for (const each of words) expect(found).toContain(each);
  });

  it('takes no cycle in the list itself', () => {
    expect(cycle(arrows)).toBeUndefined();
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(cycle(graph)).toEqual(['b', 'c', 'b']);
  });
});

describe('docs/architecture.md', () => {
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const spans = (/** @type {string} */ cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

  it.each(packages.filter(({ folders }) => Object.keys(folders).length > 1))(
    'has the folders of $root with what they may import',
    ({ root: folder, folders }) => {
      const section =
        text.split(/^#+ /m).find((each) => each.split('\n')[0]?.endsWith(`(\`${folder}\`)`)) ?? '';
      const rows = [...section.matchAll(/^\| `([^`]+)` \|.*\|([^|]*)\|$/gm)];
      const documented = Object.fromEntries(
        rows.map(([, name = '', imports = '']) => [name, spans(imports)]),
      );
      const listed = Object.entries(folders).map(([name, imports]) => [name, [...imports]]);
      expect(documented).toEqual(Object.fromEntries(listed));
    },
  );
});
