// `npm run board -- NAME|FILE.json`: all that a board needs to have the agent, in dist/boards/NAME.
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../bundle.mjs';
import { sha256 } from '../cache.mjs';
import { fileTree } from '../packages/file-tree.mjs';
import { tarGz } from '../packages/tar.mjs';
import { BuildError, run } from '../subprocess.mjs';
import { buildStatic } from '../tiny/build-static.mjs';
import { features } from '../tiny/features.mjs';
import { boardFile, boardNames, readBoard } from './board.mjs';
import { machineOf } from './machine.mjs';
import { overlay, packages } from './overlay.mjs';
import { placeholders } from './placeholders.mjs';
import { flashNeed, lacks, memoryNeeds, table } from './room.mjs';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const agentProgram = join(dist, 'node/rm-agent.mjs');

const usage = `usage: npm run board -- NAME…        dist/boards/NAME: overlay of the root file system, archives, manifest
       npm run board -- ./MY-BOARD.json
NAME: ${boardNames().join(', ')}
Every field of a file of your own is described in toolchain/boards/board.schema.json.`;

/** @param {number} mode */
const octal = (mode) => mode.toString(8).padStart(4, '0');

/**
 * @param {string} folder
 * @param {readonly import('../packages/file-tree.mjs').FileEntry[]} entries
 */
function writeTree(folder, entries) {
  mkdirSync(folder, { recursive: true });
  for (const entry of fileTree(entries)) {
    const path = join(folder, entry.path);
    if ('directory' in entry) mkdirSync(path);
    else if ('link' in entry) symlinkSync(entry.link, path);
    else writeFileSync(path, entry.content);
    // Whatever the umask is.
    if (!('link' in entry)) chmodSync(path, entry.mode);
  }
}

/** @param {import('../packages/file-tree.mjs').FileEntry} entry */
function described(entry) {
  if ('directory' in entry) return { path: entry.path, mode: octal(entry.mode), directory: true };
  if ('link' in entry) return { path: entry.path, link: entry.link };
  const { path, mode, content } = entry;
  return { path, mode: octal(mode), bytes: content.length, sha256: sha256(content) };
}

/** Reads JSON as the agent reads its configuration: a mistake has a line and a column. */
async function agentParser() {
  const { JsonSyntaxError, parseJson, positionAt } = await import('../../agent/dist/src/config/json.js');
  return (/** @type {string} */ text, /** @type {string} */ file) => {
    try {
      return parseJson(text, () => {});
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      const { line, column } = positionAt(text, error.offset);
      throw new BuildError(`${file}:${line}:${column}: ${error.message}`);
    }
  };
}

/**
 * What the configuration can cost in memory.
 * @param {string} name as in the command line
 * @param {import('./board.mjs').Board} board
 * @throws {BuildError} when it is wrong
 */
async function cost(name, board) {
  const { configure } = await import('../../agent/dist/src/config/load.js');
  const { memoryCost } = await import('../../agent/dist/src/config/sizing.js');
  const loaded = configure(machineOf(board), /** @type {any} */ (board.agent));
  if ('errors' in loaded)
    throw new BuildError(loaded.errors.map((line) => `${boardFile(name)}: agent.${line}`).join('\n'));
  return memoryCost(loaded.ok);
}

/**
 * Judges the overlay as the agent does.
 * @param {string} folder
 * @throws {BuildError} with what the agent says of a configuration that is wrong
 */
async function judgeOverlay(folder) {
  await run(process.execPath, [agentProgram, 'check', '--offline', '--root', folder]);
}

/**
 * @param {string} name of a board, or the path of its file
 * @returns {Promise<string[]>} what does not fit
 */
async function make(name) {
  const board = readBoard(name, await agentParser());
  const short = basename(name, '.json');
  const output = join(dist, 'boards', short);
  const { target } = board;
  const without = Object.keys(features).filter((feature) => board.without?.includes(feature));
  const { file, manifest } = await buildStatic({
    name: target,
    engine: 'quickjs',
    without,
    output: join(dist, [target, ...without.map((feature) => `without-${feature}`)].join('-')),
  });
  const entries = overlay(board, file);
  const needs = [
    flashNeed(entries, manifest.executable, board.flash.compressed),
    ...memoryNeeds(await cost(name, board)),
  ];
  rmSync(output, { recursive: true, force: true });
  const root = join(output, 'root');
  writeTree(root, entries);
  await judgeOverlay(root);
  const stem = `rm-agent-${version}-${short}`;
  const archives = [
    { file: `${stem}.tar.gz`, content: tarGz(entries) },
    ...packages(board, file).map(({ format, content }) => ({ file: `${stem}.${format}`, content })),
  ];
  for (const archive of archives) writeFileSync(join(output, archive.file), archive.content);
  copyFileSync(join(dirname(file), 'LICENSES'), join(output, 'LICENSES'));
  const toFill = placeholders(board.agent);
  const made = {
    board: board.name,
    version,
    target,
    system: board.system,
    files: fileTree(entries).map(described),
    archives: archives.map(({ file: archive, content }) => ({
      file: archive,
      bytes: content.length,
      sha256: sha256(content),
    })),
    needs,
    placeholders: toFill,
    executable: manifest,
  };
  writeFileSync(join(output, 'manifest.json'), `${JSON.stringify(made, null, 2)}\n`);
  console.log(`dist/boards/${short}  ${board.name}, ${board.system.name}\n\n${table(board, needs)}\n`);
  if (toFill.length > 0) console.log(`To be filled in:\n${toFill.map((line) => `  ${line}\n`).join('')}`);
  return lacks(board, needs).map((line) => `${board.name}: ${line}`);
}

/**
 * Returns the exit status: 64 for a wrong command line, 1 for a board that is wrong or too small.
 * @param {readonly string[]} names
 */
export async function makeBoards(names) {
  if (names.length === 0 || names.some((name) => name.startsWith('-'))) {
    const asked = names.includes('--help');
    (asked ? console.log : console.error)(usage);
    return asked ? 0 : 64;
  }
  const unknown = names.find((name) => !name.endsWith('.json') && !boardNames().includes(name));
  if (unknown !== undefined) {
    console.error(
      `unknown board "${unknown}": there are ${boardNames().join(', ')}, or the path of your own .json`,
    );
    return 64;
  }
  try {
    const faults = [];
    for (const name of names) faults.push(...(await make(name)));
    for (const fault of faults) console.error(fault);
    return faults.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(await makeBoards(process.argv.slice(2)));
