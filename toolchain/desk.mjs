// Bundles the pages of rm-server that have an origin of their own into server/dist/desk-assets with esbuild: one script and one style
// sheet for each page, the texts, and a list of them.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { banner, deskPackages, licenceTexts } from './bundled-packages.mjs';
import { BuildError } from './subprocess.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Where the server looks for them. */
export const deskFolder = `${root}/server/dist/desk-assets`;
/** Where browsers ask for them, on the host apart. */
const assetsPath = '/assets';

/**
 * The SSH library has a side for Node, which browsers never use: its modules are empty here.
 * @type {import('esbuild').Plugin}
 */
const withoutNode = {
  name: 'without Node',
  setup(builder) {
    builder.onResolve({ filter: /^(crypto|net|os|path|stream|node-rsa)$/ }, ({ path }) => ({
      path,
      namespace: 'without-node',
    }));
    builder.onLoad({ filter: /.*/, namespace: 'without-node' }, () => ({ contents: 'module.exports = {}' }));
    // Tables of packages; our own files of this type are texts, which pages load.
    builder.onLoad({ filter: /node_modules\/.*\.json$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8'),
      loader: 'json',
    }));
  },
};

/**
 * Whoever has written what is in a bundle is named there.
 * @param {string} name
 * @param {Readonly<Record<string, string>>} packages
 * @param {readonly string[]} inputs
 */
function checkPackages(name, packages, inputs) {
  const found = inputs.map((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]);
  const unnamed = new Set(found.filter((one) => one !== undefined && !Object.hasOwn(packages, one)));
  if (unnamed.size > 0) throw new BuildError(`${name}: not in deskPackages: ${[...unnamed].join(', ')}`);
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string>>} packages
 */
async function bundlePage(name, packages) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: `server/desk/src/${name}/main.tsx` },
    outdir: deskFolder,
    write: false,
    metafile: true,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.json': 'file' },
    define: { global: 'globalThis' },
    inject: name === 'terminal' ? ['server/desk/src/ssh/buffer.ts'] : [],
    plugins: [withoutNode],
    entryNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    publicPath: assetsPath,
    legalComments: 'none',
    banner: { js: banner(packages) },
    logLevel: 'silent',
  }).catch((error) => {
    throw new BuildError(error.message);
  });
  checkPackages(name, packages, Object.keys(metafile.inputs));
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
  const named = (/** @type {string} */ ending) => files.find((file) => file.name.endsWith(ending))?.name;
  return { files, script: named('.js'), style: named('.css') };
}

/** Names carry a digest of the content, so browsers may keep the files for ever. */
export async function bundleDesk(outdir = deskFolder) {
  const bundles = await Promise.all(
    Object.entries(deskPackages).map(async ([name, packages]) => ({
      name,
      ...(await bundlePage(name, packages)),
    })),
  );
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const all = new Map(bundles.flatMap(({ files }) => files.map(({ name, contents }) => [name, contents])));
  const licences = Buffer.from(licenceTexts());
  const digest = createHash('sha256').update(licences).digest('hex').slice(0, 8).toUpperCase();
  all.set(`licences-${digest}.txt`, licences);
  for (const [name, contents] of all) writeFileSync(`${outdir}/${name}`, contents);
  const list = {
    pages: Object.fromEntries(bundles.map(({ name, script, style }) => [name, { script, style }])),
    files: [...all.keys()].sort(),
  };
  writeFileSync(`${outdir}/assets.json`, `${JSON.stringify(list, null, 2)}\n`);
  return list;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleDesk();
