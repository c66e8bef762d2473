// What a board's root file system gets.
import { readFileSync } from 'node:fs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */

/** Below the root. */
export const paths = { executable: 'usr/bin/rm-agent', configuration: 'etc/rm-agent.json' };

/**
 * The agent, its configuration and nothing else.
 * @param {Pick<import('./board.mjs').Board, 'agent' | 'system'>} board
 * @param {string} executable a file, built for the board's target
 * @returns {FileEntry[]}
 */
export function overlay({ agent }, executable) {
  return [
    { path: paths.executable, mode: 0o755, content: readFileSync(executable) },
    // It may hold a password, once somebody has filled it in.
    { path: paths.configuration, mode: 0o600, content: Buffer.from(`${JSON.stringify(agent, null, 2)}\n`) },
  ];
}
