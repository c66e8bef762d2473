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
 * Judges all of a board but its `agent`, which the agent judges itself.
 * @param {unknown} json
 * @returns {string[]} faults, one line each
 */
export function boardFaults(json) {
  return schemaFaults(schema, json);
}

/** The names of all boards, which are those of their files. */
export function boardNames() {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}

/**
 * @param {string} name one of {@link boardNames}, or the path of a file that ends in `.json`
 * @returns {Board}
 * @throws {BuildError} with every fault of the file
 */
export function readBoard(name) {
  const isPath = name.endsWith('.json');
  const file = isPath ? name : `board-configs/${name}.json`;
  let json;
  try {
    json = JSON.parse(readFileSync(isPath ? name : join(folder, `${name}.json`), 'utf8'));
  } catch (error) {
    throw new BuildError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  const faults = boardFaults(json);
  if (faults.length > 0) throw new BuildError(faults.map((fault) => `${file}: ${fault}`).join('\n'));
  return json;
}
