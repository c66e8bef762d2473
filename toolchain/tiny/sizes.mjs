// Builds every target and every choice, and writes docs/sizes.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNative } from '../compilers.mjs';
import { needPackages } from '../debian.mjs';
import { maxCompressedBytes, targets } from '../targets.mjs';
import { budgetFaults, buildStatic } from './build-static.mjs';
import { features } from './features.mjs';
import { measureMemory } from './memory.mjs';

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
 * Resident and private memory, where it can be measured.
 * @param {string} file
 * @param {import('../targets.mjs').Target} target
 */
async function memoryColumns(file, { compiler, qemu, bits }) {
  const readelf = `${compiler}-readelf`;
  if (!isNative(compiler) && bits === 64) return ['–', '–'];
  const memory = await measureMemory({ file, readelf, ...(isNative(compiler) ? {} : { qemu }) });
  return [digits(memory.resident), digits(memory.private)];
}

/**
 * Writes the document.
 * @returns {Promise<string[]>} what exceeds its budget, as lines for a person
 */
export async function writeSizes() {
  await needPackages(['openssl']);
  const folder = mkdtempSync(join(tmpdir(), 'rm-sizes-'));
  /** @param {string} name @param {readonly string[]} [without] @param {'quickjs' | 'quickjs-ng'} [engine] */
  const build = (name, without = [], engine = 'quickjs') =>
    buildStatic({ name, engine, without, output: join(folder, [name, engine, ...without].join('-')) });
  try {
    const faults = [];
    const full = new Map();
    const rows = [['target', 'executable', 'budget', 'in squashfs (xz)', 'resident', 'private', 'boards']];
    for (const [name, target] of Object.entries(targets)) {
      const made = await build(name);
      faults.push(...budgetFaults(made));
      const { bytes, squashfsBytes } = made.manifest.executable;
      full.set(name, bytes);
      const sizes = [bytes, target.maxBytes, squashfsBytes].map(digits);
      rows.push([name, ...sizes, ...(await memoryColumns(made.file, target)), target.boards]);
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

Written by \`npm run build -- --sizes\`. All figures are bytes. The executables are stripped and contain everything: TLS, the agent,
its C library.

- **Squashfs** has blocks of 256 KiB, OpenWrt's default. At most ${digits(maxCompressedBytes)} are allowed.
- **Resident** is the memory of the agent while it is connected over TLS 1.3 and idle. **Private** is the part that it has written
  itself; the rest is code that can be read again from flash.
- For an emulated 32-bit target, resident is the memory that qemu-user gave it. For an emulated 64-bit target it cannot be measured.
- \`npm run bench\` measures memory under load.

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
