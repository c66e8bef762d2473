// Builds every target and every choice, and writes docs/sizes.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../subprocess.mjs';
import { maxCompressedBytes, targets } from '../targets.mjs';
import { budgetFaults, buildStatic } from './build-static.mjs';
import { features } from './features.mjs';

const document = fileURLToPath(new URL('../../docs/sizes.md', import.meta.url));

/** The targets on which each choice is measured: the scarcest and the most common. */
const measured = ['mipsel-24kc', 'armv7hf', 'x86_64'];

/** @param {number} count */
const digits = (count) => count.toLocaleString('en');

/** @param {readonly (readonly string[])[]} rows the first is the heading */
function table([heading = [], ...rows]) {
  /** @param {readonly string[]} cells */
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = heading.map((_, column) => (column === 0 ? '---' : '---:'));
  return [line(heading), line(rule), ...rows.map(line)].join('\n');
}

/**
 * Bytes of memory that a process gets as its own before it allocates any: initialised and zeroed data.
 * @param {string} file
 * @param {string} prefix of the target's compiler
 */
async function dataBytes(file, prefix) {
  const [, values = ''] = (await run(`${prefix}-size`, [file])).trim().split('\n');
  const [, data = 0, zeroed = 0] = values.trim().split(/\s+/).map(Number);
  return data + zeroed;
}

/**
 * Writes the document.
 * @returns {Promise<string[]>} what exceeds its budget, as lines for a person
 */
export async function writeSizes() {
  const folder = mkdtempSync(join(tmpdir(), 'rm-sizes-'));
  /** @param {string} name @param {readonly string[]} [without] @param {'quickjs' | 'quickjs-ng'} [engine] */
  const build = (name, without = [], engine = 'quickjs') =>
    buildStatic({ name, engine, without, output: join(folder, [name, engine, ...without].join('-')) });
  try {
    const faults = [];
    const full = new Map();
    const rows = [['target', 'executable', 'budget', 'in squashfs (xz)', 'static data', 'boards']];
    for (const [name, target] of Object.entries(targets)) {
      const made = await build(name);
      faults.push(...budgetFaults(made));
      const { bytes, squashfsBytes } = made.manifest.executable;
      full.set(name, bytes);
      const data = await dataBytes(made.file, target.compiler);
      rows.push([name, ...[bytes, target.maxBytes, squashfsBytes, data].map(digits), target.boards]);
    }
    const choices = [['left out', ...measured, 'what it is']];
    /** @param {string} title @param {readonly string[]} without @param {string} what */
    const choice = async (title, without, what) => {
      const saved = [];
      for (const name of measured) {
        saved.push(digits(full.get(name) - (await build(name, without)).manifest.executable.bytes));
      }
      choices.push([title, ...saved, what]);
    };
    for (const [name, { what }] of Object.entries(features)) await choice(`\`${name}\``, [name], what);
    await choice('all of them', Object.keys(features), 'the smallest agent');
    const engines = [['engine', ...measured]];
    for (const engine of /** @type {const} */ (['quickjs', 'quickjs-ng'])) {
      const sizes = [];
      for (const name of measured) {
        sizes.push(digits((await build(name, [], engine)).manifest.executable.bytes));
      }
      engines.push([engine, ...sizes]);
    }
    writeFileSync(
      document,
      `# Sizes of the tiny runtime

Written by \`npm run build -- --sizes\`; all figures are bytes. The executables are stripped and have everything in:
TLS, the agent, its C library. Squashfs is counted with blocks of 256 KiB, OpenWrt's default, and no more than
${digits(maxCompressedBytes)} are allowed. Static data is what a process owns before it allocates; code and constants stay
in the page cache and are given back under pressure. Memory at work is measured by \`npm run bench\`.

${table(rows)}

## What leaving a feature out saves

${table(choices)}

## The other engine

${table(engines)}
`,
    );
    return faults;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
