import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// The layers of the C host: agent/tiny/layers.json lists its modules, from the lowest to the highest. A module is a header
// and the C file of the same name, and includes only headers of modules before it in that list, so there are no cycles.

const root = fileURLToPath(new URL('../..', import.meta.url));
const sourceFolder = join(root, 'agent/tiny/src');
/** @type {{ layer: string, modules: string[] }[]} */
const layers = JSON.parse(readFileSync(join(root, 'agent/tiny/layers.json'), 'utf8'));
const order = layers.flatMap(({ modules }) => modules);

/**
 * What a source file includes against the layers, one line each.
 * @param {string} file
 * @param {string} text
 */
function forbidden(file, text) {
  const name = file.replace(/\.[ch]$/, '');
  return [...text.matchAll(/^#include "(\w+)\.h"/gm)]
    .map(([, included = '']) => included)
    .filter((included) => included !== name || file.endsWith('.h'))
    .filter((included) => !order.includes(included) || order.indexOf(included) >= order.indexOf(name))
    .map((included) => `${file} includes ${included}.h`);
}

const files = readdirSync(sourceFolder).filter((file) => /\.[ch]$/.test(file));

describe('the layers of the C host', () => {
  it('have each module once', () => {
    const modules = new Set(files.map((file) => file.slice(0, -2)));
    expect([...order].sort()).toEqual([...modules].sort());
  });

  it('are kept by every include', () => {
    const found = files.flatMap((file) => forbidden(file, readFileSync(join(sourceFolder, file), 'utf8')));
    expect(found).toEqual([]);
  });

  it.each([
    ['a layer above', 'timer.c', '#include "timer.h"\n#include "socket.h"\n', ['timer.c includes socket.h']],
    ['a later module of its layer', 'bytes.h', '#include "error.h"\n', ['bytes.h includes error.h']],
    ['a cycle', 'call.h', '#include "handle.h"\n', ['call.h includes handle.h']],
    ['itself', 'call.h', '#include "call.h"\n', ['call.h includes call.h']],
    ['what is no module', 'main.c', '#include "rm.h"\n', ['main.c includes rm.h']],
  ])('would be broken by %s', (_, file, text, expected) => {
    expect(forbidden(file, text)).toEqual(expected);
  });

  it('are drawn in docs/architecture.md', () => {
    const drawn = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const width = Math.max(...layers.map(({ layer }) => layer.length));
    const picture = [...layers]
      .reverse()
      .map(({ layer, modules }) => `${layer.padEnd(width)}  ${modules.join('  ')}`.trimEnd())
      .join('\n');
    expect(drawn).toContain(`\`\`\`text\n${picture}\n\`\`\``);
  });
});
