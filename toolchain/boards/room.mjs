// Whether a board has room for the agent.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Of a file system: what one file takes is a multiple. */
const blockBytes = 4 * KiB;

/**
 * @typedef {object} Need
 * @property {'flash' | 'memory'} of
 * @property {string} what takes it, for people
 * @property {number} bytes
 */

/**
 * @param {readonly import('../packages/file-tree.mjs').FileEntry[]} entries
 * @param {{ bytes: number, squashfsBytes: number }} executable the size of the entry that is the executable, plain and compressed
 * @param {boolean} compressed whether the root file system compresses
 * @returns {Need}
 */
export function flashNeed(entries, executable, compressed) {
  const blocks = entries.map((entry) =>
    'content' in entry ? Math.ceil(entry.content.length / blockBytes) * blockBytes : blockBytes,
  );
  const plain = blocks.reduce((sum, bytes) => sum + bytes, 0);
  const bytes = compressed ? plain - executable.bytes + executable.squashfsBytes : plain;
  return { of: 'flash', what: compressed ? 'the overlay, compressed' : 'the overlay', bytes };
}

/**
 * What the agent's configuration can cost at most.
 * @param {{ agent: number, elsewhere: number }} cost
 * @returns {Need[]}
 */
export function memoryNeeds({ agent, elsewhere }) {
  return [{ of: 'memory', what: 'the agent, its services and sockets, at most', bytes: agent + elsewhere }];
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < MiB ? `${Math.ceil(bytes / KiB)} KiB` : `${(bytes / MiB).toFixed(1)} MiB`;
}

/**
 * The table for people: each need beside what the board has.
 * @param {import('./board.mjs').Board} board
 * @param {readonly Need[]} needs
 */
export function table(board, needs) {
  const rows = needs.map(({ of, what, bytes }) => [
    of,
    what,
    size(bytes),
    size(board[of].freeMiB * MiB),
    size(board[of].totalMiB * MiB),
  ]);
  const all = [['', 'what', 'takes', 'free', 'total'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * What does not fit, as lines for people.
 * @param {import('./board.mjs').Board} board
 * @param {readonly Need[]} needs
 */
export function lacks(board, needs) {
  return needs.flatMap(({ of, what, bytes }) => {
    const free = board[of].freeMiB * MiB;
    return bytes <= free
      ? []
      : [`${of}: ${what} takes ${size(bytes)}, and ${size(free)} are free: ${size(bytes - free)} too much`];
  });
}
