// `npm run chaos`: nodes that share a database, with simulated time, networks and faults. Bundled, so that it starts at once.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const usage = `Usage: npm run chaos -- [--seed N] [--runs N]

  --seed N   the first seed (default 1)
  --runs N   how many seeds from there on (default 1 with --seed, else 1000)
`;

/**
 * @param {string} root of the checkout
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit status
 */
export async function chaos(root, args) {
  const { values: options } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      runs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const seed = Number(options.seed ?? 1);
  const runs = Number(options.runs ?? (options.seed === undefined ? 1_000 : 1));
  if (options.help || ![seed, runs].every((value) => Number.isSafeInteger(value) && value > 0)) {
    process.stdout.write(usage);
    return options.help ? 0 : 64;
  }
  const outfile = join(root, 'dist/chaos/chaos.mjs');
  const source = (/** @type {string} */ path) => join(root, path);
  await build({
    entryPoints: [source('server/src/testing/chaos/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
    // The sources, of which tests take more than the entries give.
    alias: {
      'rm-protocol': source('protocol/src/index.ts'),
      'rm-reflector/ports': source('reflector-minimal/src/ports/index.ts'),
      'rm-reflector/relay': source('reflector-minimal/src/relay/index.ts'),
      'rm-reflector': source('reflector-minimal/src/index.ts'),
    },
  });
  const { main } = await import(pathToFileURL(outfile).href);
  return main(seed, runs, (/** @type {string} */ text) => process.stdout.write(text));
}
