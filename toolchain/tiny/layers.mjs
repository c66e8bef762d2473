// The layers of the C host: agent/tiny/layers.json lists its modules, from the lowest to the highest. A module is a header
// and the C file of the same name. It includes only headers of modules before it in that list, so there are no cycles.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const host = fileURLToPath(new URL('../../agent/tiny', import.meta.url));
const sourceFolder = join(host, 'src');

/** @type {{ layer: string, modules: string[] }[]} */
export const layers = JSON.parse(readFileSync(join(host, 'layers.json'), 'utf8'));
const order = layers.flatMap(({ modules }) => modules);

/** The headers and C files of the host. */
export const files = readdirSync(sourceFolder).filter((file) => /\.[ch]$/.test(file));

/**
 * The includes of a source file that the layers forbid, one line each.
 * @param {string} file
 * @param {string} text
 */
export function forbiddenIncludes(file, text) {
  const name = file.replace(/\.[ch]$/, '');
  return [...text.matchAll(/^#include "(\w+)\.h"/gm)]
    .map(([, included = '']) => included)
    .filter((included) => included !== name || file.endsWith('.h'))
    .filter((included) => !order.includes(included) || order.indexOf(included) >= order.indexOf(name))
    .map((included) => `${file} includes ${included}.h`);
}

/** The includes of all source files that the layers forbid, one line each. */
export const includeFaults = () =>
  files.flatMap((file) => forbiddenIncludes(file, readFileSync(join(sourceFolder, file), 'utf8')));
