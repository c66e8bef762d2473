import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { needPackages } from './debian.mjs';

// The code in the documents for embedding compiles against the types of the packages, as a reader's would.

const root = fileURLToPath(new URL('..', import.meta.url));
mkdirSync(join(root, 'dist'), { recursive: true });
const folder = mkdtempSync(join(root, 'dist/documented-code-'));
afterAll(() => rmSync(folder, { recursive: true }));

const blocks = ['README.md', 'docs/embedding.md'].flatMap((file) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^```js\n(.*?)^```/gms)].map(
    ([, code = ''], index) => ({
      name: `${file.replace(/\W/g, '-')}-${index + 1}.mjs`,
      code,
    }),
  ),
);

describe('the code in the documents', () => {
  it.each(['docs/c-library.md'])('compiles as C: %s', async (file) => {
    await needPackages(['gcc', 'libc6-dev']);
    const units = [...readFileSync(join(root, file), 'utf8').matchAll(/^```c\n(.*?)^```/gms)];
    expect(units.length).toBeGreaterThan(2);
    for (const [, input = ''] of units) {
      const flags = ['-std=c11', '-Wall', '-Wextra', '-Wno-unused-function', '-Werror', '-fsyntax-only'];
      const { status, stderr } = spawnSync('gcc', [...flags, '-I', 'agent/sdk/c/include', '-xc', '-'], {
        cwd: root,
        input,
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
    }
  });

  it('compiles', () => {
    expect(blocks.length).toBeGreaterThan(5);
    for (const { name, code } of blocks) writeFileSync(join(folder, name), `${code}\nexport {};\n`);
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2022',
      lib: ['ES2022', 'ESNext.Disposable'],
      types: ['node'],
      strict: true,
      allowJs: true,
      checkJs: true,
      noEmit: true,
      skipLibCheck: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mjs'] }));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const { status, stdout } = spawnSync('node_modules/.bin/tsc', ['-p', folder], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
