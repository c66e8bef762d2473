// `npm run release`: everything that is published of a version, in dist/release.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit, sourceDate } from '../commit.mjs';
import { BuildError } from '../subprocess.mjs';
import { targets } from '../targets.mjs';
import { buildStatic } from '../tiny/build-static.mjs';
import { cycloneDx, spdx } from './bill-of-materials.mjs';
import { debianPackage, debianTargets } from './debian-package.mjs';
import { npmPackage, workspaces } from './npm.mjs';
import { openwrtPackages, openwrtTargets } from './openwrt-packages.mjs';
import { nodePart, npmPart, ownPart, partsOfStatic } from './parts.mjs';
import { product } from './product.mjs';
import { serverPackage, servers } from './server-package.mjs';
import { signature, sums } from './signature.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const kinds = /** @type {const} */ ([
  ...['executables', 'node', 'client', 'library', 'source', 'debian', 'openwrt', 'npm', 'images'],
]);

const usage = `usage: npm run release -- [--only KIND]… [--target NAME]… [--key FILE] [--output FOLDER]
  --only KIND      a part of it: ${kinds.join(', ')}
  --target NAME    only what is for these targets: ${Object.keys(targets).join(', ')}
  --key FILE       an Ed25519 key (openssl genpkey -algorithm ed25519), outside of this folder, to sign SHA256SUMS with
  --output FOLDER  default dist/release; what is in it is removed`;

/**
 * @typedef {object} Released
 * @property {string} file
 * @property {Buffer} content
 * @property {number} [mode]
 * @property {readonly import('./bill-of-materials.mjs').Part[]} parts
 */

/**
 * Where targets are built: a folder of this process, as another one may make a release from the same checkout.
 * @type {string | undefined}
 */
let work;

function workFolder() {
  if (work === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'rm-release-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    work = folder;
  }
  return work;
}

/** What has been built for a target, once. @type {Map<string, Promise<{ folder: string, parts: ReturnType<typeof partsOfStatic> }>>} */
const built = new Map();

/** @param {string} name */
function target(name) {
  let found = built.get(name);
  if (found === undefined) {
    const folder = join(workFolder(), name);
    found = buildStatic({ name, engine: 'quickjs', without: [], output: folder }).then(({ manifest }) => ({
      folder,
      parts: partsOfStatic(manifest),
    }));
    built.set(name, found);
  }
  return found;
}

/**
 * A program with Node inside, and the licences of what it holds.
 * @param {'rm-agent' | 'rm-client'} program
 * @param {'linux-x64' | 'linux-arm64' | 'linux-armv7'} platform
 * @param {string} file
 * @returns {AsyncGenerator<Released>}
 */
async function* withNode(program, platform, file) {
  const { buildNodeExecutable } = await import('../node-executable/build-node.mjs');
  const { bases } = await import('../node-executable/base-binaries.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'rm-release-node-'));
  try {
    const content = readFileSync(await buildNodeExecutable(platform, folder, program));
    yield { file, content, mode: 0o755, parts: [ownPart, nodePart(bases[platform].version)] };
    const licences = ['LICENSE', 'LICENSE-node'].map((name) => readFileSync(join(folder, name)));
    yield { file: `${file}.LICENSES`, content: Buffer.concat(licences), parts: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The makers of each kind, for the targets that are asked for.
 * @type {Readonly<Record<typeof kinds[number], (wanted: (name: string) => boolean) => AsyncGenerator<Released>>>}
 */
const makers = {
  async *executables(wanted) {
    for (const name of Object.keys(targets).filter(wanted)) {
      const { folder, parts } = await target(name);
      const file = `rm-agent-${product.version}-${name}`;
      yield { file, content: readFileSync(join(folder, 'rm-agent')), mode: 0o755, parts };
      yield { file: `${file}.LICENSES`, content: readFileSync(join(folder, 'LICENSES')), parts: [] };
    }
  },
  async *node() {
    for (const platform of /** @type {const} */ (['linux-x64', 'linux-arm64', 'linux-armv7']))
      yield* withNode('rm-agent', platform, `rm-agent-${product.version}-node-${platform}`);
  },
  async *client() {
    for (const platform of /** @type {const} */ (['linux-x64', 'linux-arm64']))
      yield* withNode('rm-client', platform, `rm-client-${product.version}-${platform}`);
  },
  async *library(wanted) {
    const { libraryTargets } = await import('../tiny/library-archive.mjs');
    const { libraryPackage } = await import('./library-packages.mjs');
    for (const [name, { target: processor }] of Object.entries(libraryTargets))
      if (wanted(processor)) yield libraryPackage(name);
  },
  async *source() {
    const { sourceArchive } = await import('../source-archive/source-archive.mjs');
    const { parts } = await target('x86_64');
    const inside = parts.filter(({ name }) => [product.name, 'quickjs', 'mbedtls'].includes(name));
    const path = await sourceArchive();
    yield { file: `rm-agent-${product.version}.tar.gz`, content: readFileSync(path), parts: inside };
  },
  async *debian(wanted) {
    for (const architecture of /** @type {(keyof typeof debianTargets)[]} */ (Object.keys(debianTargets))) {
      if (!wanted(debianTargets[architecture])) continue;
      const { folder, parts } = await target(debianTargets[architecture]);
      yield { ...debianPackage(architecture, folder), parts };
      for (const program of servers) yield serverPackage(program, architecture);
    }
  },
  async *openwrt(wanted) {
    for (const architecture of /** @type {(keyof typeof openwrtTargets)[]} */ (Object.keys(openwrtTargets))) {
      if (!wanted(openwrtTargets[architecture])) continue;
      const { folder, parts } = await target(openwrtTargets[architecture]);
      for (const made of openwrtPackages(architecture, folder)) yield { ...made, parts };
    }
  },
  async *npm() {
    for (const workspace of workspaces) {
      const { dependencies = {} } = JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8'));
      const parts = Object.entries(dependencies).map(([name, version]) =>
        npmPart({ name, version: `${version}` }),
      );
      yield { ...(await npmPackage(workspace)), parts: [ownPart, ...parts] };
    }
  },
  async *images(wanted) {
    const { images } = await import('./images.mjs');
    yield* images(wanted, target);
  },
};

/**
 * @param {object} options
 * @param {readonly (typeof kinds[number])[]} options.only
 * @param {readonly string[]} options.names of targets; none: all
 * @param {string | undefined} options.key
 * @param {string} options.output
 */
export async function release({ only, names, key, output }) {
  /** @type {Map<string, Buffer>} */
  const files = new Map();
  /** @type {Map<string, number>} */
  const modes = new Map();
  /** @type {import('./bill-of-materials.mjs').Delivery[]} */
  const deliveries = [];
  const wanted = (/** @type {string} */ name) => names.length === 0 || names.includes(name);
  for (const kind of only) {
    for await (const { file, content, mode = 0o644, parts } of makers[kind](wanted)) {
      files.set(file, content);
      modes.set(file, mode);
      const hash = createHash('sha256').update(content).digest('hex');
      if (parts.length > 0) deliveries.push({ file, sha256: hash, parts });
    }
  }
  const time = sourceDate();
  const base = `${product.name}-${product.version}`;
  files.set(`${base}.cdx.json`, Buffer.from(cycloneDx(deliveries, time)));
  files.set(`${base}.spdx.json`, Buffer.from(spdx(deliveries, time)));
  for (const name of ['LICENSE', 'CHANGELOG.md']) files.set(name, readFileSync(join(root, name)));
  const list = sums(files);
  files.set('SHA256SUMS', Buffer.from(list));
  if (key === undefined) files.set('UNSIGNED', Buffer.from('Nobody has signed this release.\n'));
  else files.set('SHA256SUMS.sig', signature(list, key));

  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  for (const [name, content] of files)
    writeFileSync(join(output, name), content, { mode: modes.get(name) ?? 0o644 });
  return files;
}

/** Ends with status 64. @param {string} fault @returns {never} */
function misuse(fault) {
  console.error(fault);
  process.exit(64);
}

function options() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string', multiple: true, default: [] },
        target: { type: 'string', multiple: true, default: [] },
        key: { type: 'string' },
        output: { type: 'string', default: join(root, 'dist/release') },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return misuse(`${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

async function main() {
  const { only: asked, target: names, key, output, help } = options();
  if (help) {
    console.log(usage);
    return;
  }
  const only = kinds.filter((kind) => asked.length === 0 || asked.includes(kind));
  const unknown =
    asked.find((kind) => !kinds.some((known) => known === kind)) ?? names.find((name) => !targets[name]);
  if (unknown !== undefined) misuse(`unknown "${unknown}"\n${usage}`);
  const { id } = commit();
  if (id.endsWith('-dirty')) console.error('warning: files have changed since the commit');
  const files = await release({ only, names, key, output });
  for (const [name, content] of files) console.log(`${name}  ${content.length} bytes`);
  console.log(`${output}: ${files.size} files${key === undefined ? ', not signed: no --key' : ''}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    if (!(error instanceof BuildError) && error?.syscall === undefined) throw error;
    console.error(error.message);
    process.exit(1);
  });
}
