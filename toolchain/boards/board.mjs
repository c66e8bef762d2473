// Boards: one JSON file each, with the machine and the configuration that the agent starts with.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError } from '../subprocess.mjs';
import { schemaFaults } from './schema-faults.mjs';

const folder = fileURLToPath(new URL('../../board-configs', import.meta.url));

/** @type {import('./schema-faults.mjs').Schema} */
const schema = JSON.parse(readFileSync(new URL('board.schema.json', import.meta.url), 'utf8'));

/**
 * As board.schema.json describes it.
 * @typedef {object} Board
 * @property {string} name for people
 * @property {string} soc processor and clock
 * @property {string} target one of those in targets.mjs
 * @property {System} system
 * @property {{ totalMiB: number, systemMiB: number, freeMiB: number, source: string }} memory
 * @property {{ totalMiB: number, freeMiB: number, compressed: boolean, source: string }} flash
 * @property {readonly string[]} [without] features of toolchain/tiny/features.mjs that the executable lacks
 * @property {Record<string, unknown>} agent the first /etc/rm-agent.json, as agent/rm-agent.schema.json describes it
 */

/**
 * @typedef {object} System
 * @property {string} name for people
 * @property {'glibc' | 'musl' | 'uclibc' | 'none'} libc
 * @property {'systemd' | 'busybox' | 'sysv' | 'procd' | 'openrc'} init
 * @property {Readonly<Partial<Record<'ipk' | 'apk' | 'deb', string>>>} [packages] formats with the name of the architecture
 */

/**
 * Judges all of a board but its `agent`, which the agent judges itself; but that agent has all features.
 * @param {unknown} json
 * @returns {string[]} faults, one line each
 */
export function boardFaults(json) {
  const faults = schemaFaults(schema, json);
  if (faults.length > 0) return faults;
  const board = /** @type {Board} */ (json);
  return [...figureFaults(board), ...featureFaults(board)];
}

/**
 * What the configuration uses and the executable lacks.
 * @param {Board} board
 */
function featureFaults({ without = [], agent }) {
  /** @type {(readonly [string, string, boolean])[]} */
  const uses = [
    ['gateway', 'agent.gateway', Object.hasOwn(agent, 'gateway')],
    ['mqtt', 'agent.mqtt', Object.hasOwn(agent, 'mqtt')],
    ['mqtt', 'agent.start', agent.start === 'onDemand'],
  ];
  return uses
    .filter(([feature, , used]) => used && without.includes(feature))
    .map(([feature, path]) => `without: found ${feature}, which ${path} needs`);
}

/**
 * A part that is more than the whole.
 * @param {Board} board
 */
function figureFaults({ memory, flash }) {
  /** @type {(readonly [string, number, string, number])[]} */
  const parts = [
    ['memory.systemMiB', memory.systemMiB, 'totalMiB', memory.totalMiB],
    ['memory.freeMiB', memory.freeMiB, 'systemMiB', memory.systemMiB],
    ['flash.freeMiB', flash.freeMiB, 'totalMiB', flash.totalMiB],
  ];
  return parts
    .filter(([, part, , whole]) => part > whole)
    .map(([path, part, of, whole]) => `${path}: found ${part}; allowed is at most ${of}, which is ${whole}`);
}

/** The names of all boards, which are those of their files. */
export function boardNames() {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}

/** @param {string} name as for {@link readBoard} */
export const boardFile = (name) => (name.endsWith('.json') ? name : `board-configs/${name}.json`);

/**
 * @param {string} name one of {@link boardNames}, or the path of a file that ends in `.json`
 * @param {(text: string, file: string) => any} parse throws a {@link BuildError} for what is no JSON
 * @returns {Board}
 * @throws {BuildError} with every fault of the file
 */
export function readBoard(name, parse = (text) => JSON.parse(text)) {
  const isPath = name.endsWith('.json');
  const file = boardFile(name);
  let text;
  try {
    text = readFileSync(isPath ? name : join(folder, `${name}.json`), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new BuildError(`${file}: no such file`);
    throw new BuildError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  const json = parse(text, file);
  const faults = boardFaults(json);
  if (faults.length > 0) throw new BuildError(faults.map((fault) => `${file}: ${fault}`).join('\n'));
  return json;
}
