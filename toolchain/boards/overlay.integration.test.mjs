import { describe, expect, it } from 'vitest';
import { fileTree } from '../packages/file-tree.mjs';
import { boardNames, readBoard } from './board.mjs';
import { overlay, packages } from './overlay.mjs';

/** In the place of an executable. */
const executable = new URL('overlay.mjs', import.meta.url).pathname;

describe.each(boardNames())('the overlay of %s', (name) => {
  const board = readBoard(name);

  it('has the agent, its configuration for root alone, and what starts it', () => {
    const entries = fileTree(overlay(board, executable));
    const modes = new Map(entries.map(({ path, mode }) => [path, mode]));
    expect(modes.get('usr/bin/rm-agent')).toBe(0o755);
    expect(modes.get('etc/rm-agent.json')).toBe(0o600);
    expect(entries.filter((entry) => !('directory' in entry)).length).toBeGreaterThan(2);
  });

  it('is a package for each package manager of the system', () => {
    const formats = packages(board, executable).map(({ format }) => format);
    expect(formats).toEqual(
      ['ipk', 'apk', 'deb'].filter((format) => Object.hasOwn(board.system.packages ?? {}, format)),
    );
  });
});
