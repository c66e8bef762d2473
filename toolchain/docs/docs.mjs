// `npm run docs`: the documents, the API reference of the SDK (TypeDoc) and that of the C library as static pages in dist/docs.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { cached, sha256 } from '../cache.mjs';
import { run } from '../subprocess.mjs';
import { headerPage } from './header-reference.mjs';
import { pages } from './site.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const own = fileURLToPath(new URL('packages', import.meta.url));

/** The folder `node_modules` with TypeDoc and markdown-it, installed apart from the workspace, as locked. */
async function tools() {
  const files = ['package.json', 'package-lock.json'];
  const inputs = files.map((name) => sha256(readFileSync(join(own, name))));
  const installed = await cached('docs-tools', inputs, async (unfinished) => {
    for (const name of files) copyFileSync(join(own, name), join(unfinished, name));
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: unfinished });
  });
  return join(installed, 'node_modules');
}

/**
 * Files of a folder of the checkout, by their path there.
 * @param {string} folder
 * @param {RegExp} name
 */
const below = (folder, name) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file) && !file.includes('node_modules'))
    .map((file) => join(folder, file));

/** The Markdown files, by their path in the checkout. */
function documents() {
  const markdown = /\.md$/;
  const files = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...below('docs', markdown),
    ...below('examples', markdown),
  ];
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

/**
 * Writes all pages; gives the folder.
 * @param {string} [output]
 */
export async function buildDocs(output = join(root, 'dist/docs')) {
  const modules = await tools();
  const MarkdownIt = createRequire(join(modules, 'x'))('markdown-it');
  rmSync(output, { recursive: true, force: true });
  const all = documents();
  const header = readFileSync(join(root, 'agent/sdk/c/include/rm_agent.h'), 'utf8');
  all.set('c/rm_agent.md', headerPage(`rm_agent.h ${version}`, header));
  for (const { path, html } of pages(all, MarkdownIt)) {
    mkdirSync(dirname(join(output, path)), { recursive: true });
    writeFileSync(join(output, path), html);
  }
  for (const folder of ['docs', 'examples'])
    for (const file of below(folder, /\.(jpg|png|svg)$/)) {
      mkdirSync(dirname(join(output, file)), { recursive: true });
      copyFileSync(join(root, file), join(output, file));
    }
  await run(process.execPath, [
    join(modules, 'typedoc/bin/typedoc'),
    ...['--name', `rm-agent ${version}`, '--readme', 'none', '--out', join(output, 'sdk')],
    ...['--tsconfig', join(root, 'agent/sdk/tsconfig.json'), '--disableSources', '--hideGenerator'],
    ...['--excludePrivate', '--excludeInternal', '--treatWarningsAsErrors', '--logLevel', 'Warn'],
    // Types that stand behind those of the entry are shown in place.
    ...['--validation.notExported', 'false'],
    join(root, 'agent/sdk/index.ts'),
  ]);
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildDocs());
