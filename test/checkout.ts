import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package-lock.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('not inside a checkout');
    directory = parent;
  }
  return directory;
}

/** The root of the checkout, from the sources as well as from what is compiled. */
export const root = findRoot();
