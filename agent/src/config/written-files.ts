import type { Configuration } from './configuration.ts';
import type { Machine } from './machine.ts';

/** Moves everything that the agent writes into one directory. */
const VARIABLE = 'RM_STATE_DIR';

/** Directories that an init system makes for an agent without root's rights, who cannot write the one of the default. */
const ownDirectories: readonly (readonly [byDefault: string, directories: readonly string[]])[] = [
  ['/run/rm-agent.sock', ['/run/rm-agent', '/var/run/rm-agent']],
  ['/var/lib/rm-agent.state', ['/var/lib/rm-agent']],
];

/** Why the variable cannot be followed, or `null`. */
export function stateDirectoryFault({ system }: Machine): string | null {
  const found = system.environment(VARIABLE) ?? '';
  return found === '' || found.startsWith('/')
    ? null
    : `${VARIABLE}: found "${found}", allowed is an absolute path`;
}

/**
 * Where a file that the configuration calls `path` really is: with `RM_STATE_DIR` set, under the last part of its name in
 * that directory; otherwise a default is in the agent's own directory, if there is one.
 */
export function placeOf({ files, system }: Machine, path: string): string {
  const isDirectory = (name: string): boolean => {
    try {
      return files.stat(name)?.kind === 'directory';
    } catch {
      return false;
    }
  };
  const own = ownDirectories.find(([byDefault]) => byDefault === path)?.[1].find(isDirectory);
  const directory = system.environment(VARIABLE) || own;
  return directory ? directory.replace(/\/+$/, '') + path.slice(path.lastIndexOf('/')) : path;
}

/** The configuration with the places of everything that is written. */
export function placeWrittenFiles(machine: Machine, configuration: Configuration): Configuration {
  const { control, stateFile, log } = configuration;
  const place = (path: string | null): string | null => (path === null ? null : placeOf(machine, path));
  return {
    ...configuration,
    control: place(control),
    stateFile: place(stateFile),
    log:
      typeof log.to === 'object' ? { ...log, to: { ...log.to, file: placeOf(machine, log.to.file) } } : log,
  };
}
