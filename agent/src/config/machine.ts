import type { Files, Host, System } from '../host.ts';

/** What a configuration is judged by: the machine's files and its names. */
export interface Machine {
  readonly files: Pick<Files, 'read' | 'list' | 'stat'>;
  readonly system: Pick<System, 'environment' | 'hostName' | 'nodeId'>;
}

/**
 * The machine whose root file system, or a part of it, lies at `root` on this one. Only its files are known: what the
 * system will say, such as its host name and environment, is a placeholder.
 */
export function imageAt({ files }: Pick<Host, 'files'>, root: string): Machine {
  return {
    files: {
      read: (path, maxBytes) => files.read(files.pathIn(root, path), maxBytes),
      list: (path) => files.list(files.pathIn(root, path)),
      stat: (path) => {
        const found = files.stat(files.pathIn(root, path));
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
