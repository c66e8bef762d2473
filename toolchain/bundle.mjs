// Bundles the agent into one script with esbuild. As a program it writes dist/node/rm-agent.mjs.
import { chmodSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The version that `rm-agent --version` prints. */
export const version = JSON.parse(readFileSync(`${root}/agent/package.json`, 'utf8')).version;

/**
 * Never the clock of this machine: the same source must give the same bytes. Where `SOURCE_DATE_EPOCH`
 * (reproducible-builds.org) is set, as Yocto, Buildroot, OpenWrt and Debian do, it counts; else the day of the release.
 * @returns {Record<string, string>}
 */
function buildDate() {
  const epoch = process.env.SOURCE_DATE_EPOCH ?? '';
  return /^\d{1,12}$/.test(epoch) ? { RM_BUILD_DATE: epoch } : {};
}

/**
 * @param {{ host: 'node' | 'tiny', outfile: string, minify?: boolean, format?: 'esm' | 'cjs' | 'iife',
 *   define?: Record<string, string> }} options
 */
export async function bundle({ host, outfile, minify = host === 'tiny', format, define = {} }) {
  await build({
    absWorkingDir: root,
    entryPoints: [`agent/src/host/${host}/main.ts`],
    outfile,
    bundle: true,
    minify,
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'error',
    define: { RM_VERSION: JSON.stringify(version), ...buildDate(), ...define },
    ...(host === 'node'
      ? { platform: 'node', target: 'node20', format: format ?? 'esm' }
      : { platform: 'neutral', target: 'es2022', format: format ?? 'iife' }),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outfile = `${root}/dist/node/rm-agent.mjs`;
  await bundle({ host: 'node', outfile });
  chmodSync(outfile, 0o755);
}
