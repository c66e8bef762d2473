import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../subprocess.mjs';
import { buildLibrary } from './c-library.mjs';
import { libraryFor, libraryToolchain } from './library-archive.mjs';

const program = fileURLToPath(new URL('../../agent/sdk/c/test/api.c', import.meta.url));

/** Builds of a minute, on a machine that is busy with much else. */
const patience = 1_800_000;

function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'rm-library-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('librm-agent.a', () => {
  it.each(['x86_64-gnu', 'x86_64-musl'])(
    'for %s, from the source archive, is a whole agent',
    {
      timeout: patience,
    },
    async (name) => {
      const library = await libraryFor(name);
      const { compiler, compileFlags, linkFlags, linkLibraries, emulator } = await libraryToolchain(name);
      const env = { PKG_CONFIG_PATH: join(library, 'lib/pkgconfig') };
      const flags = (await run('pkg-config', ['--cflags', '--libs', 'rm-agent'], { env }))
        .trim()
        .split(/\s+/);
      const output = join(temporary(), 'api');
      await run(compiler.cc, [
        ...['-std=c11', '-D_DEFAULT_SOURCE', '-Wall', '-Wextra', '-Werror', ...compileFlags],
        ...[...linkFlags, '-o', output, program, ...flags, ...linkLibraries],
      ]);
      const [command = '', ...args] = [...emulator, output];
      expect(await run(command, args)).toBe('all is well\n');
    },
  );

  it('names nothing of the machine that made it', { timeout: patience }, async () => {
    const archive = readFileSync(join(await libraryFor('x86_64-gnu'), 'lib/librm-agent.a'));
    const here = [homedir(), tmpdir(), process.cwd()].filter((path) => path.length > 3);
    expect(here.filter((path) => archive.includes(`${path}/`))).toEqual([]);
  });

  it('is a whole agent with quickjs-ng', { timeout: patience }, async () => {
    const output = await buildLibrary({
      kind: 'plain',
      engine: 'quickjs-ng',
      output: join(temporary(), 'library'),
    });
    expect(await run(join(output, 'api'), [])).toBe('all is well\n');
  });
});
