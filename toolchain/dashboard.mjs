// Bundles the dashboard of rm-server into server/dist/assets with esbuild: script, style sheet, texts, and a list of them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BuildError } from './subprocess.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Where the server looks for it. */
export const assetsFolder = `${root}/server/dist/assets`;
/** Where browsers ask for it. */
const assetsPath = '/dashboard-assets';

/** Names carry a digest of the content, so browsers may keep the files for ever. */
export async function bundleDashboard(outdir = assetsFolder) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { dashboard: 'server/dashboard/src/main.tsx', icon: 'server/dashboard/src/icon.svg' },
    outdir,
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.json': 'file', '.svg': 'copy' },
    entryNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    publicPath: assetsPath,
    legalComments: 'none',
    banner: { js: '/* With Preact and its signals: MIT, (c) Jason Miller and Preact Team */' },
    logLevel: 'silent',
  }).catch((error) => {
    throw new BuildError(error.message);
  });
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
  const named = (/** @type {RegExp} */ pattern) => files.find(({ name }) => pattern.test(name))?.name;
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  for (const { name, contents } of files) writeFileSync(`${outdir}/${name}`, contents);
  const list = {
    script: named(/\.js$/),
    style: named(/\.css$/),
    icon: named(/\.svg$/),
    files: files.map(({ name }) => name).sort(),
  };
  writeFileSync(`${outdir}/assets.json`, `${JSON.stringify(list, null, 2)}\n`);
  return list;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleDashboard();
