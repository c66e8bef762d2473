import { utf8DecodeStrict, utf8Encode } from 'rm-protocol';
import type { importProperties } from '../config/import.ts';
import { type Invalid, load, problemsOf } from '../config/load.ts';
import { imageAt } from '../config/machine.ts';
import { readMemory } from '../config/sizing.ts';
import { version } from '../config/version.ts';
import type { Cancellable, Host } from '../host.ts';
import { messageOf } from '../log/log.ts';
import { check } from './check.ts';
import { type Command, ExitStatus, parseCommandLine } from './command-line.ts';
import { sendCommand } from './control.ts';
import { Daemon } from './daemon.ts';
import type { DaemonStatus } from './daemon-status.ts';
import { formatStatus } from './format-status.ts';
import { recoverControl } from './recover-control.ts';
import { reportMemory } from './report-memory.ts';
import type { MakeRequests } from './requests.ts';

/** Loads what only `rm-agent import` needs; `null` in a build without it. */
export type LoadImport = (() => typeof importProperties) | null;

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/**
 * What a build with the gateway adds: executes a command whose configuration is a gateway's, and returns whether it was.
 */
export type RunGateway = (host: Host, command: Command) => boolean;

/** Commands for the running agent. */
export type ControlCommand = Extract<
  Command,
  { readonly name: 'status' | 'retry' | 'enable' | 'disable' | 'open' | 'consent' }
>;

type CheckCommand = Extract<Command, { readonly name: 'check' }>;

/** The largest properties file that `import` reads, in bytes. */
const MAX_IMPORT_BYTES = 262_144;

/** After how many milliseconds a missing file is looked for again; the time doubles up to the maximum. */
const WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;

/** The program `rm-agent`: reads the command line, executes the command and ends with the exit status of `design.md`. */
export function main(
  host: Host,
  loadImport: LoadImport,
  makeRequests: MakeRequests,
  runGateway?: RunGateway,
): void {
  const command = parseCommandLine(host.system.arguments);
  if ('usageError' in command) {
    host.system.print(2, `${command.usageError}\n`);
    host.system.exit(ExitStatus.usage);
    return;
  }
  if ((typeof RM_GATEWAY === 'undefined' || RM_GATEWAY) && runGateway?.(host, command)) return;
  execute(host, command, loadImport, makeRequests);
}

function execute(host: Host, command: Command, loadImport: LoadImport, makeRequests: MakeRequests): void {
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
      run(host, command.config, makeRequests);
      break;
    case 'enroll':
      enroll(host, command, makeRequests);
      break;
    case 'check':
      checkConfiguration(host, command);
      break;
    default:
      controlAgent(host, command);
  }
}

/**
 * Follows the configuration until a signal ends it. What the machine still lacks of it, such as a file with the ID of the
 * device that is written at the first boot, is waited for.
 */
function run(host: Host, path: string, makeRequests: MakeRequests): void {
  let daemon: Daemon | null = null;
  let timer: Cancellable | null = null;
  let printed = '';
  let waitMs = WAIT_MS;
  const start = (): void => {
    timer?.cancel();
    timer = null;
    const loaded = load(host, path);
    if (!('errors' in loaded)) {
      daemon = new Daemon(host, path, loaded, makeRequests);
      host.system.notify('READY=1');
    } else if (loaded.transient) {
      host.system.notify('READY=1\nSTATUS=waiting for what the configuration names');
      const lines = loaded.errors.map((line) => `warning ${line}; waiting for it\n`).join('');
      if (lines !== printed) host.system.print(2, lines);
      printed = lines;
      timer = host.clock.schedule(waitMs, start);
      waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
    } else exitWithErrors(host, loaded);
  };
  const stop = (): void => {
    timer?.cancel();
    if (daemon) daemon.stop();
    else host.system.exit(ExitStatus.ok);
  };
  host.system.onSignal('SIGTERM', stop);
  host.system.onSignal('SIGINT', stop);
  host.system.onSignal('SIGHUP', () => (daemon ? daemon.reload() : start()));
  keepWatchdog(host);
  start();
}

/** Says twice in each period of a watchdog (sd_watchdog_enabled(3)) that the loop still turns. */
export function keepWatchdog(host: Host): void {
  const periodMs = Number(host.system.environment('WATCHDOG_USEC')) / 1000;
  if (!(periodMs > 0)) return;
  const feed = (): void => {
    host.system.notify('WATCHDOG=1');
    host.clock.schedule(periodMs / 2, feed);
  };
  feed();
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
  else
    check(host, ok, dial, (connected) =>
      host.system.exit(connected ? ExitStatus.ok : ExitStatus.unavailable),
    );
}

function exitWithErrors(host: Host, { errors, transient }: Invalid): void {
  for (const line of errors) host.system.print(2, `${line}\n`);
  host.system.exit(transient ? ExitStatus.unavailable : ExitStatus.configuration);
}

/** The line that the control socket takes. */
export function controlLine(command: ControlCommand): string {
  const { name } = command;
  if (name === 'enable' || name === 'disable') return command.persist ? `${name} persist` : name;
  if (name === 'open') return command.seconds === null ? name : `${name} ${command.seconds}`;
  if (name !== 'consent') return name;
  return `consent ${command.word}${command.port === null ? '' : ` ${command.port}`}`;
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
  makeRequests: MakeRequests,
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
  else run(host, config, makeRequests);
}

function importFile(host: Host, file: string, convert: typeof importProperties): void {
  let text: string | null;
  try {
    text = utf8DecodeStrict(host.files.read(file, MAX_IMPORT_BYTES));
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
  const { json, warnings } = convert(text ?? '', facts, problemsOf);
  for (const line of warnings) host.system.print(2, `warning ${file}: ${line}\n`);
  host.system.print(1, `${JSON.stringify(json, null, 2)}\n`);
  host.system.exit(ExitStatus.ok);
}
