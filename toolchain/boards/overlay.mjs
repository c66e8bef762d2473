// What a board's root file system gets.
import { readFileSync } from 'node:fs';
import { initFiles } from '../init/init.mjs';
import { apk } from '../packages/apk.mjs';
import { deb } from '../packages/deb.mjs';
import { ipk } from '../packages/ipk.mjs';
import { agentPackage } from './agent-package.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */
/** @typedef {Pick<import('./board.mjs').Board, 'agent' | 'system'>} Board */

const writers = { ipk, apk, deb };

/** @param {Board} board */
const configurationOf = ({ agent }) => Buffer.from(`${JSON.stringify(agent, null, 2)}\n`);

/**
 * The agent, its configuration, what starts it at boot, and nothing else.
 * @param {Board} board
 * @param {string} executable a file, built for the board's target
 * @returns {FileEntry[]}
 */
export function overlay(board, executable) {
  return [
    { path: 'usr/bin/rm-agent', mode: 0o755, content: readFileSync(executable) },
    // It may hold a password, once somebody has filled it in.
    { path: 'etc/rm-agent.json', mode: 0o600, content: configurationOf(board) },
    ...initFiles(board.system.init),
  ];
}

/**
 * The same for the board's package managers.
 * @param {Board} board
 * @param {string} executable
 * @returns {{ format: keyof typeof writers, content: Buffer }[]}
 */
export function packages(board, executable) {
  const { init, packages: formats = {} } = board.system;
  return /** @type {const} */ (['ipk', 'apk', 'deb']).flatMap((format) => {
    const architecture = formats[format];
    if (architecture === undefined) return [];
    const content = agentPackage({
      architecture,
      init,
      executable: readFileSync(executable),
      configuration: configurationOf(board),
    });
    return [{ format, content: writers[format](content) }];
  });
}
