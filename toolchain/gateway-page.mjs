// The gateway's own page: its files in `agent/page`, minified, as a constant of the agent's bundle.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BuildError } from './subprocess.mjs';

const folder = fileURLToPath(new URL('../agent/page', import.meta.url));

/** @returns {Promise<{ html: string, script: string, style: string }>} texts of ASCII, so that the engine needs a byte a character */
export async function gatewayPage() {
  const { outputFiles } = await build({
    entryPoints: [`${folder}/page.ts`, `${folder}/page.css`],
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'silent',
  }).catch((error) => {
    throw new BuildError(error.message);
  });
  const named = (/** @type {string} */ end) =>
    outputFiles.find(({ path }) => path.endsWith(end))?.text.trim() ?? '';
  const html = readFileSync(`${folder}/page.html`, 'utf8').replace(/\n\s*/g, '');
  return { html, script: named('.js'), style: named('.css') };
}
