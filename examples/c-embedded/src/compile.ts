import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../../..', import.meta.url));

/** Builds librm-agent.a for this machine and a program with it; returns the path of the program. */
export async function compile(name: string): Promise<string> {
  await run(process.execPath, ['toolchain/build.mjs', '--library'], { cwd: checkout });
  const env = { ...process.env, PKG_CONFIG_PATH: join(checkout, 'dist/library/lib/pkgconfig') };
  const { stdout } = await run('pkg-config', ['--cflags', '--libs', 'rm-agent'], { env });
  const output = join(checkout, 'dist/examples', name);
  await mkdir(join(checkout, 'dist/examples'), { recursive: true });
  const source = join(checkout, 'examples/c-embedded/src', `${name}.c`);
  const warnings = ['-Wall', '-Wextra', '-Werror', '-g', '-Os'];
  await run('gcc', [...warnings, '-o', output, source, ...stdout.trim().split(/\s+/)]);
  return output;
}
