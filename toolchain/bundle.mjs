// Bundles the agent into one script with esbuild. As a program it writes dist/node/rm-agent.mjs, dist/node-clockless for tests,
// and the dashboard, terminal and desktop of rm-server.
import { chmodSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { shortCommit } from './commit.mjs';
import { bundleDashboard } from './dashboard.mjs';
import { bundleDesk } from './desk.mjs';
import { gatewayPage } from './gateway-page.mjs';
import { mqttPacket } from './mqtt-packet/mqtt-packet.mjs';
import { BuildError } from './subprocess.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** The version that `rm-agent --version` prints. */
export const version = JSON.parse(readFileSync(`${root}/agent/package.json`, 'utf8')).version;

/** For tests: as if built in 2100, so that to such an agent no clock of today is set. */
export const clockless = { RM_BUILD_DATE: String(Date.UTC(2100, 0) / 1000) };

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
 * What esbuild is told for a host, besides the entry and what is written.
 * @param {'node' | 'tiny'} host
 * @param {Readonly<Record<string, string>>} define
 * @returns {Promise<import('esbuild').BuildOptions & { plugins: import('esbuild').Plugin[] }>}
 */
export async function inputOptions(host, define) {
  return {
    absWorkingDir: root,
    bundle: true,
    // The source, so that a bundle never waits for tsc.
    alias: { 'rm-protocol': './protocol/src/index.ts' },
    plugins: [mqttPacket],
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    define: {
      RM_VERSION: JSON.stringify(version),
      RM_PAGE: JSON.stringify(await gatewayPage()),
      ...buildDate(),
      ...define,
    },
    ...(host === 'node'
      ? { platform: 'node', target: 'node20' }
      : { platform: 'neutral', mainFields: ['main'], target: 'es2022' }),
  };
}

/**
 * The agent for Node.
 * @param {{ outfile: string, minify?: boolean, format?: 'esm' | 'cjs', define?: Record<string, string> }} options
 */
export async function bundle({ outfile, minify = false, format = 'esm', define = {} }) {
  await build({
    // The C host has the commit itself (toolchain/tiny/stamp.mjs).
    ...(await inputOptions('node', { RM_COMMIT: JSON.stringify(shortCommit()), ...define })),
    entryPoints: ['agent/node/main.ts'],
    outfile,
    minify,
    format,
  }).catch((error) => {
    throw new BuildError(error.message);
  });
}

/**
 * rm-client as one script, for a single executable.
 * @param {string} outfile
 */
export async function bundleClient(outfile) {
  const clientVersion = JSON.parse(readFileSync(`${root}/client/package.json`, 'utf8')).version;
  await build({
    absWorkingDir: root,
    entryPoints: ['client/src/main.ts'],
    outfile,
    bundle: true,
    alias: { 'rm-protocol': './protocol/src/index.ts' },
    minify: true,
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    define: { RM_VERSION: JSON.stringify(clientVersion), RM_SINGLE: 'true', 'import.meta.url': '""' },
    platform: 'node',
    target: 'node20',
    format: 'cjs',
  }).catch((error) => {
    throw new BuildError(error.message);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [folder, define] of /** @type {const} */ ([
    ['node', {}],
    ['node-clockless', clockless],
  ])) {
    const outfile = `${root}/dist/${folder}/rm-agent.mjs`;
    await bundle({ outfile, define });
    chmodSync(outfile, 0o755);
  }
  await bundleDashboard();
  await bundleDesk();
}
