import { utf8Encode } from 'rm-protocol';
import type { importProperties } from '../config/import.ts';
import { load, problemsOf } from '../config/load.ts';
import { imageAt } from '../config/machine.ts';
import { propertiesText } from '../config/properties-text.ts';
import { readMemory } from '../config/sizing.ts';
import { version } from '../config/version.ts';
import type { Host } from '../host.ts';
import { messageOf } from '../log/log.ts';
import { check } from './check.ts';
import { type Command, parseCommandLine } from './command-line.ts';
import { type ControlCommand, controlLine } from './control-line.ts';
import type { DaemonStatus } from './daemon-status.ts';
import { ExitStatus } from './exit-status.ts';
import { exitWithErrors } from './exit-with-errors.ts';
import { formatStatus } from './format-status.ts';
import type { Run } from './main.ts';
import { recoverControl } from './recover-control.ts';
import { reportMemory } from './report-memory.ts';
import { sendCommand } from './send-command.ts';

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** What a build may leave out of the commands. */
export interface OptionalCommands {
  /** Loads what only `import` needs; `null`: it is left out. */
  readonly loadImport: (() => typeof importProperties) | null;
  /** Executes a command whose configuration is a gateway's, and returns whether it was. */
  readonly gatewayCommand?: (host: Host, command: Command) => boolean;
}

type CheckCommand = Extract<Command, { readonly name: 'check' }>;

/** The largest properties file that `import` reads, in bytes. */
const MAX_IMPORT_BYTES = 262_144;

/** Reads the command line and executes its command; `run` follows a configuration. */
export function executeCommand(host: Host, { loadImport, gatewayCommand }: OptionalCommands, run: Run): void {
  const command = parseCommandLine(host.system.arguments);
  if ('usageError' in command) {
    host.system.print(2, `${command.usageError}\n`);
    host.system.exit(ExitStatus.usage);
    return;
  }
  if ((typeof RM_GATEWAY === 'undefined' || RM_GATEWAY) && gatewayCommand?.(host, command)) return;
  switch (command.name) {
    case 'help':
      host.system.print(1, command.text);
      host.system.exit(ExitStatus.ok);
      break;
    case 'version':
      host.system.print(1, `rm-agent ${version}\n${host.system.build}\n`);
      host.system.exit(ExitStatus.ok);
      break;
    case 'import':
      if (loadImport) {
        importFile(host, command.file, loadImport());
      } else {
        host.system.print(2, 'rm-agent import: left out of this build\n');
        host.system.exit(ExitStatus.usage);
      }
      break;
    case 'run':
      run(command.config);
      break;
    case 'enroll':
      enroll(host, command, run);
      break;
    case 'check':
      checkConfiguration(host, command);
      break;
    default:
      controlAgent(host, command);
  }
}

function checkConfiguration(host: Host, { config, dial, offline, root }: CheckCommand): void {
  const image = root !== null;
  const loaded = load(image ? imageAt(host, root) : host, config, image);
  if ('errors' in loaded) {
    exitWithErrors(host, loaded);
    return;
  }
  const { ok, warnings, identity } = loaded;
  for (const line of warnings) host.system.print(2, `warning ${line}\n`);
  host.system.print(1, `ok     configuration ${config}\n`);
  if (!image) for (const line of identity) host.system.print(1, `ok     identity      ${line}\n`);
  const memory = readMemory(host.files);
  // That of an image is another machine's.
  if (memory && !image) reportMemory(host.system, ok, memory);
  if (offline) host.system.exit(ExitStatus.ok);
  else check(host, ok, dial, (status) => host.system.exit(status));
}

/** The running agent can be controlled even if its configuration has become invalid. */
function controlAgent(host: Host, command: ControlCommand): void {
  const loaded = load(host, command.config);
  const errors = 'errors' in loaded ? loaded.errors : [];
  const control = 'errors' in loaded ? recoverControl(host, command.config) : loaded.ok.control;
  if (control === undefined) {
    exitWithErrors(host, { errors });
    return;
  }
  for (const line of errors) host.system.print(2, `warning ${line}\n`);
  const unanswered = errors.length > 0 ? ExitStatus.configuration : ExitStatus.unavailable;
  if (control === null) {
    host.system.print(
      2,
      `control: found null, so no agent can be reached; allowed is the path of a socket\n`,
    );
    host.system.exit(unanswered);
    return;
  }
  const json = command.name === 'status' && command.json;
  sendCommand(host, control, controlLine(command), (answer, error) => {
    if (error !== null) host.system.print(2, `${error}\n`);
    else if (json) host.system.print(1, `${JSON.stringify(answer, null, 2)}\n`);
    else host.system.print(1, formatStatus(answer as DaemonStatus, host.clock.date()));
    host.system.exit(error === null ? ExitStatus.ok : unanswered);
  });
}

/** Never replaces a configuration: that of a device in use would be gone. */
function enroll(
  host: Host,
  { config, uri, key, offline }: Extract<Command, { readonly name: 'enroll' }>,
  run: Run,
): void {
  const json = {
    reflector: uri,
    device: { id: '${nodeId}', enroll: key === null ? {} : { key } },
    services: [{ port: 80 }, { port: 22 }],
  };
  const fail = (line: string, status: number): void => {
    host.system.print(2, `${line}\n`);
    host.system.exit(status);
  };
  const [problem] = problemsOf(json);
  if (problem) {
    fail(`${problem.path}: ${problem.message}`, ExitStatus.usage);
    return;
  }
  try {
    if (host.files.stat(config) !== null) throw new Error('it exists; add "device.enroll" to it');
    host.files.writeAtomically(config, utf8Encode(`${JSON.stringify(json, null, 2)}\n`));
  } catch (error) {
    fail(`${config}: ${messageOf(error)}`, ExitStatus.configuration);
    return;
  }
  if (offline) host.system.exit(ExitStatus.ok);
  else run(config);
}

function importFile(host: Host, file: string, convert: typeof importProperties): void {
  let text: string;
  try {
    text = propertiesText(host.files.read(file, MAX_IMPORT_BYTES));
  } catch (error) {
    host.system.print(2, `${file}: cannot be read: ${messageOf(error)}\n`);
    host.system.exit(ExitStatus.configuration);
    return;
  }
  const inDirectory = file.slice(0, file.lastIndexOf('/') + 1);
  const facts = {
    platform: host.system.platform(),
    directory: file.startsWith('/') ? inDirectory : `${host.system.environment('PWD') ?? ''}/${inDirectory}`,
    dateMs: host.clock.date(),
    environment: (name: string) => host.system.environment(name),
  };
  const { json, warnings } = convert(text, facts, problemsOf);
  for (const line of warnings) host.system.print(2, `warning ${file}: ${line}\n`);
  host.system.print(1, `${JSON.stringify(json, null, 2)}\n`);
  host.system.exit(ExitStatus.ok);
}
