import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

const program = `${fileURLToPath(new URL('../../../dist/valgrind', import.meta.url))}/slab-model`;

beforeAll(() => {
  const source = fileURLToPath(new URL('slab-model.c', import.meta.url));
  const flags = ['-O', '-D_GNU_SOURCE', '-fsanitize=undefined', '-fno-sanitize-recover', '-Wall', '-Werror'];
  execFileSync('gcc', [...flags, '-o', program, source]);
});

it.each([4096, 16_384, 65_536])('small blocks keep their content, on pages of %i bytes', (pageSize) => {
  for (const failure of [0, 3]) {
    for (const seed of [1, 2]) {
      expect(execFileSync(program, [seed, pageSize, failure].map(String), { encoding: 'utf8' })).toBe('');
    }
  }
});
