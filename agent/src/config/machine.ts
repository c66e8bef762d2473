import type { Files, System } from '../host.ts';

/** What a configuration is judged by: the machine's files and its names. */
export interface Machine {
  readonly files: Pick<Files, 'read' | 'list' | 'stat'>;
  readonly system: Pick<System, 'environment' | 'hostName' | 'nodeId'>;
}

/**
 * The machine whose root file system, or a part of it, lies at `root` on this one. Only its files are known: what the
 * system will say, such as its host name and environment, is a placeholder. Links in it must be relative.
 */
export function imageAt({ files }: Machine, root: string): Machine {
  return {
    files: {
      read: (path, maxBytes) => files.read(root + path, maxBytes),
      list: (path) => files.list(root + path),
      stat: (path) => {
        const found = files.stat(root + path);
        // Whoever builds the image may not write what the agent may.
        return found && { ...found, writable: true };
      },
    },
    system: {
      // Neither leads to directories of this machine.
      environment: (name) => (name === 'PATH' || name === 'RM_STATE_DIR' ? undefined : '0'),
      hostName: () => '0',
      nodeId: () => '1',
    },
  };
}
