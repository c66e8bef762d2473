import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The agent of this checkout; on your machine it is the installed `rm-agent`. */
const agent = fileURLToPath(new URL('../../../agent/dist/node/main.js', import.meta.url));

/** What has become of one file. */
export interface Migrated {
  /** Its name without the ending. */
  readonly name: string;
  /** The configuration that was written. */
  readonly output: string;
  /** What has no counterpart or needs a look, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Converts every `.properties` file of a folder by `rm-agent import` and writes `NAME.json` with mode 0600 into another, because it
 * may hold a password. The device keeps its identity, so the server takes it for the same one.
 */
export async function migrateFleet(folder: string, output: string): Promise<readonly Migrated[]> {
  await mkdir(output, { recursive: true, mode: 0o700 });
  const files = (await readdir(folder)).filter((file) => file.endsWith('.properties')).sort();
  const all: Migrated[] = [];
  for (const file of files) {
    const name = basename(file, '.properties');
    const path = join(output, `${name}.json`);
    const { stdout, stderr } = await run(process.execPath, [agent, 'import', join(folder, file)]);
    await writeFile(path, stdout, { mode: 0o600 });
    const warnings = stderr.split('\n').filter(Boolean);
    all.push({ name, output: path, warnings: warnings.map((line) => line.replace(/^warning \S+: /, '')) });
  }
  return all;
}
