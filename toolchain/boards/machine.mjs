// A board, as the agent's configuration looks at it before there is one.

/**
 * A machine with the board's memory, on which every file exists that a configuration names.
 * @param {Pick<import('./board.mjs').Board, 'memory'>} board
 * @returns {import('../../agent/src/config/machine.ts').Machine}
 */
export function machineOf({ memory }) {
  const kibibytes = Math.floor(memory.systemMiB * 1024);
  return {
    files: {
      read(path) {
        if (path === '/proc/meminfo') return Buffer.from(`MemTotal: ${kibibytes} kB\n`);
        if (/^\/(?:proc|sys)\//.test(path)) throw new Error('no such file');
        return Buffer.from('0');
      },
      list: () => [],
      stat: () => ({ kind: 'file', size: 16, mode: 0o600, id: '0:0', writable: true }),
    },
    system: { environment: () => undefined, hostName: () => 'device', nodeId: () => '0123456789ab' },
  };
}
