// The boards in board-configs: one JSON file each, with the machine and the configuration that the agent starts with.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError } from './subprocess.mjs';
import { targets } from './targets.mjs';

const folder = fileURLToPath(new URL('../board-configs', import.meta.url));

/**
 * @typedef {object} Board
 * @property {string} name for people
 * @property {string} soc processor and clock
 * @property {string} target one of {@link targets}
 * @property {string} system what usually runs on it
 * @property {number} memoryMiB
 * @property {number} flashMiB flash, eMMC or the usual card
 * @property {Record<string, unknown>} agent the default /etc/rm-agent.json, as agent/rm-agent.schema.json describes it
 */

/**
 * What each key must be, in words and as a rule.
 * @type {Readonly<Record<string, { what: string, isRight: (value: unknown) => boolean }>>}
 */
const keys = {
  name: { what: 'text', isRight: isText },
  soc: { what: 'text', isRight: isText },
  target: {
    what: `one of ${Object.keys(targets).join(', ')}`,
    isRight: (value) => isText(value) && Object.hasOwn(targets, value),
  },
  system: { what: 'text', isRight: isText },
  memoryMiB: { what: 'an integer from 1 to 1048576', isRight: isSize },
  flashMiB: { what: 'an integer from 1 to 1048576', isRight: isSize },
  agent: { what: 'an object', isRight: isObject },
};

/** @param {unknown} value @returns {value is string} */
function isText(value) {
  return typeof value === 'string' && value !== '';
}

/** @param {unknown} value */
function isSize(value) {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1_048_576;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Judges all of a board but its `agent`, which the agent judges itself.
 * @param {unknown} json
 * @returns {string[]} faults, one line each
 */
export function boardFaults(json) {
  if (!isObject(json)) return ['found something else than an object'];
  const unknown = Object.keys(json).filter((key) => !Object.hasOwn(keys, key));
  const wrong = Object.entries(keys).filter(([key, { isRight }]) => !isRight(json[key]));
  return [
    ...unknown.map((key) => `${key}: unknown; allowed are ${Object.keys(keys).join(', ')}`),
    ...wrong.map(
      ([key, { what }]) => `${key}: found ${JSON.stringify(json[key]) ?? 'nothing'}; allowed is ${what}`,
    ),
  ];
}

/** The names of all boards, which are those of their files. */
export function boardNames() {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}

/**
 * @param {string} name one of {@link boardNames}
 * @returns {Board}
 * @throws {BuildError} with every fault of the file
 */
export function readBoard(name) {
  const file = `board-configs/${name}.json`;
  let json;
  try {
    json = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  } catch (error) {
    throw new BuildError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  const faults = boardFaults(json);
  if (faults.length > 0) throw new BuildError(faults.map((fault) => `${file}: ${fault}`).join('\n'));
  return json;
}
