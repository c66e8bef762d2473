import type { Files, HostFailure } from '../host.ts';
import { argvOf } from './argv.ts';
import type { Configuration } from './configuration.ts';
import type { Machine } from './machine.ts';
import { secretsOf } from './parts.ts';
import type { Problem } from './validate.ts';

type Found = NonNullable<ReturnType<Files['stat']>>;

/** What the machine has of the files, directories and programs that a configuration names. */
export interface NamedFiles {
  /** What only an editor of the configuration can mend. */
  readonly problems: readonly Problem[];
  /** Missing files that every attempt needs: they may be written later. */
  readonly missing: readonly Problem[];
  readonly warnings: readonly Problem[];
}

const NO_SUCH_FILE = 'no such file';
const READ_BY_OTHERS = 0o004;
const WRITTEN_BY_OTHERS = 0o002;
const STICKY = 0o1000;
const EXECUTABLE = 0o111;

/** Looks at what the configuration names; reads nothing of it. */
export function inspectNamedFiles(host: Machine, configuration: Configuration): NamedFiles {
  const problems: Problem[] = [];
  const missing: Problem[] = [];
  const warnings: Problem[] = [];

  const check = (
    path: string,
    file: string | null,
    directoryToo: boolean,
    isSecret: boolean,
    absent = missing,
    again = 'attempt',
  ): void => {
    if (file === null) return;
    const found = look(host, file);
    const allowed = directoryToo ? 'a file or a directory' : 'a file';
    if (typeof found === 'string') {
      absent.push({ path, message: `${file}: ${found}; each ${again} looks again` });
    } else if (found.kind === 'directory' && !directoryToo) {
      problems.push({ path, message: `found ${file}, which is a directory; allowed is ${allowed}` });
    } else {
      if (isSecret && (found.mode & READ_BY_OTHERS) !== 0)
        warnings.push({ path, message: `${file} can be read by every user; set its mode to 600` });
      warnings.push(...writable(host, path, file));
    }
  };
  const { tls } = configuration;
  check('tls.ca', tls.ca, true, false);
  check('tls.cert', tls.cert, false, tls.key === null);
  check('tls.key', tls.key, false, true);
  configuration.services.forEach(({ tls }, index) => {
    const path = `services[${index}].tls`;
    check(`${path}.ca`, tls?.ca ?? null, true, false, warnings, 'connection');
    check(`${path}.cert`, tls?.cert ?? null, false, tls?.key === null, warnings, 'connection');
    check(`${path}.key`, tls?.key ?? null, false, true, warnings, 'connection');
  });
  for (const [path, secret] of secretsOf(configuration)) {
    check(`${path}.file`, typeof secret === 'object' && 'file' in secret ? secret.file : null, false, true);
  }

  for (const [path, command] of commandsOf(configuration)) {
    const [program, ...rest] = argvOf(command);
    const fault = programFault(host, program);
    if (fault !== null) warnings.push({ path, message: `${program}: ${fault}` });
    for (const file of [program, ...rest])
      if (file.startsWith('/')) warnings.push(...writable(host, path, file));
  }

  return { problems, missing, warnings };
}

/** What the daemon writes has no directory to lie in; of the state file, which it writes only when asked, also why it cannot. */
export function missingDirectories(host: Machine, { control, stateFile, log }: Configuration): Problem[] {
  const written: readonly (readonly [string, string | null])[] = [
    ['control', control],
    ['stateFile', stateFile],
    ['log.to.file', typeof log.to === 'object' ? log.to.file : null],
  ];
  return written.flatMap(([path, file]) => {
    if (file === null) return [];
    const directory = directoryOf(file);
    const found = look(host, directory);
    const forgotten = path === 'stateFile' ? ', so "enable" and "disable" last until the agent ends' : '';
    if (found === NO_SUCH_FILE) return [{ path, message: `there is no directory ${directory}${forgotten}` }];
    const unwritable = forgotten !== '' && typeof found !== 'string' && !found.writable;
    return unwritable ? [{ path, message: `the directory ${directory} cannot be written${forgotten}` }] : [];
  });
}

/** Who may write a file, or exchange it in its directory, decides what the agent does. */
export function writable(host: Machine, path: string, file: string): Problem[] {
  const mode = (name: string): number => {
    const found = look(host, name);
    return typeof found === 'string' ? 0 : found.mode;
  };
  const directory = directoryOf(file);
  if ((mode(file) & WRITTEN_BY_OTHERS) !== 0)
    return [{ path, message: `${file} can be changed by every user; take that right away (chmod o-w)` }];
  if ((mode(directory) & (WRITTEN_BY_OTHERS | STICKY)) === WRITTEN_BY_OTHERS)
    return [
      {
        path,
        message: `${file} can be replaced by every user, who may write ${directory}; take that right away (chmod o-w)`,
      },
    ];
  return [];
}

/** What a path leads to, or why that is unknown. */
function look({ files }: Machine, path: string): Found | string {
  try {
    return files.stat(path) ?? NO_SUCH_FILE;
  } catch (error) {
    return (error as HostFailure).message;
  }
}

function directoryOf(file: string): string {
  return file.slice(0, Math.max(1, file.lastIndexOf('/')));
}

type Command = string | readonly string[];

/** Each program of a configuration with its place. */
function commandsOf({ access, services, notify, device }: Configuration): [string, Command][] {
  const hardware = device.enroll?.hardware;
  const commands: [string, Command | null | undefined][] = [
    ['access.ask', access.ask],
    ...services.map((service, index): [string, Command | null | undefined] => [
      `services[${index}].access.ask`,
      service.access?.ask,
    ]),
    ['notify.command', notify?.command],
    ['device.id.command', typeof device.id === 'object' ? device.id.command : null],
    ['device.enroll.hardware.command', hardware && typeof hardware === 'object' ? hardware.command : null],
    ...Object.entries(device.properties).map(([name, value]): [string, Command | null] => [
      `device.properties.${name}.command`,
      typeof value === 'object' ? value.command : null,
    ]),
  ];
  return commands.filter((entry): entry is [string, Command] => Boolean(entry[1]));
}

/** Why a program cannot be run, as far as can be seen; one without a `/` is looked for in `PATH`, as execvp(3) does. */
function programFault(host: Machine, program: string): string | null {
  const runs = (path: string): string | null => {
    const found = look(host, path);
    if (typeof found === 'string') return found;
    return found.kind === 'file' && (found.mode & EXECUTABLE) !== 0 ? null : 'is no executable file';
  };
  if (program.includes('/')) return runs(program);
  const search = host.system.environment('PATH');
  if (search === undefined || search.split(':').some((directory) => runs(`${directory}/${program}`) === null))
    return null;
  return 'is in no directory of PATH';
}
