import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { files, forbiddenIncludes, includeFaults, layers } from './layers.mjs';

describe('the layers of the C host', () => {
  it('have each module once', () => {
    const modules = new Set(files.map((file) => file.slice(0, -2)));
    const listed = layers.flatMap((layer) => layer.modules);
    expect(listed.sort()).toEqual([...modules].sort());
  });

  it('are kept by every include', () => {
    expect(includeFaults()).toEqual([]);
  });

  it.each([
    ['a layer above', 'timer.c', '#include "timer.h"\n#include "socket.h"\n', ['timer.c includes socket.h']],
    ['a later module of its layer', 'bytes.h', '#include "error.h"\n', ['bytes.h includes error.h']],
    ['a cycle', 'call.h', '#include "handle.h"\n', ['call.h includes handle.h']],
    ['itself', 'call.h', '#include "call.h"\n', ['call.h includes call.h']],
    ['what is no module', 'main.c', '#include "rm.h"\n', ['main.c includes rm.h']],
  ])('would be broken by %s', (_, file, text, expected) => {
    expect(forbiddenIncludes(file, text)).toEqual(expected);
  });

  it('are drawn in docs/architecture.md', () => {
    const drawn = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
    const width = Math.max(...layers.map(({ layer }) => layer.length));
    const picture = [...layers]
      .reverse()
      .map(({ layer, modules }) => `${layer.padEnd(width)}  ${modules.join('  ')}`.trimEnd())
      .join('\n');
    expect(drawn).toContain(`\`\`\`text\n${picture}\n\`\`\``);
  });
});
