import { nearest } from '../config/nearest.ts';
import { defaultConfigurationPath } from './run-line.ts';

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** Which agent a command is for. */
interface Reach {
  readonly config: string;
  /** One device of a gateway, by its ID; absent: the agent, or all of a gateway. */
  readonly device?: string;
}

/** What the command line asks for. `print` is text for standard output, after which the program ends with status 0. */
export type Command =
  | { readonly name: 'run'; readonly config: string }
  | ({ readonly name: 'retry' } & Reach)
  /** `null`: for as long as it is allowed; 0: it closes. */
  | ({ readonly name: 'open'; readonly seconds: number | null } & Reach)
  | ({
      readonly name: 'check';
      readonly dial: boolean;
      /** Nothing is connected to. */
      readonly offline: boolean;
      /** Where the root file system of an image lies that is judged in place of this machine. */
      readonly root: string | null;
    } & Reach)
  | ({ readonly name: 'enable' | 'disable'; readonly persist: boolean } & Reach)
  | ({
      readonly name: 'consent';
      readonly word: 'allow' | 'refuse';
      readonly port: number | null;
    } & Reach)
  | ({ readonly name: 'status'; readonly json: boolean } & Reach)
  | {
      readonly name: 'enroll';
      readonly config: string;
      readonly uri: string;
      readonly key: string | null;
      /** The configuration is written, and no more. */
      readonly offline: boolean;
    }
  | { readonly name: 'import'; readonly file: string }
  | { readonly name: 'version' }
  | { readonly name: 'help'; readonly text: string };

export interface UsageError {
  /** One line for standard error; the exit status is `usage`. */
  readonly usageError: string;
}

/** A command with its line in the overview, and what `rm-agent COMMAND --help` adds. */
const commands = {
  run: [
    'run',
    'connect and stay connected (the default)',
    'SIGHUP reads the configuration again and dials at once, SIGTERM and SIGINT end the agent.',
  ],
  check: [
    'check [--dial|--offline]',
    'check configuration, services and reflector',
    'Connects to each service, then asks the running agent for its tunnel. Without one, it dials the reflector once:\nname, proxy, TCP, TLS, upgrade. With --dial it always does, and the running agent loses its tunnel for a moment.\nWith --offline it connects to nothing; with --root DIR it judges a root file system, and says what the device must\nadd. Exit status 69: no way to the reflector; 78: a wrong configuration.',
  ],
  status: [
    'status [--json]',
    'show the state of the running agent',
    'State, since when, last error, next attempt, who waits for consent, channels and bytes.\nWith --json for programs.',
  ],
  retry: [
    'retry',
    'make the running agent dial now',
    'Ends the wait between two attempts; a live tunnel is left alone.',
  ],
  enable: [
    'enable [--persist]',
    'allow remote access',
    'Undoes "disable". With --persist the next start is enabled, too.',
  ],
  disable: [
    'disable [--persist]',
    'close the tunnel and stay off line',
    'The agent goes on running and answers "status" and "enable". With --persist the next start is disabled, too.',
  ],
  open: [
    'open [SECONDS]',
    'open a tunnel on demand',
    'With "start": "onDemand", for so many seconds, or as long as "onDemand.longest" allows. It closes earlier when idle.\nWith 0 it closes at once.',
  ],
  consent: [
    'consent allow|refuse [PORT]',
    'decide on waiting connections',
    'For one port, or for all. "refuse" also ends what was allowed before. "status" shows who waits.',
  ],
  enroll: [
    'enroll [--offline] URL [KEY]',
    'write a configuration that enrols, and run',
    'The ID is "${nodeId}", the services are web and SSH. Without a key, "status" shows a code for the operator.\nWith --offline the agent does not run.',
  ],
  import: [
    'import FILE',
    'print a WebTunnelAgent.properties as JSON',
    'The JSON goes to standard output; what has no counterpart is listed on standard error:\n\n  rm-agent import WebTunnelAgent.properties > rm-agent.json',
  ],
} as const satisfies Record<string, readonly [usage: string, summary: string, details: string]>;

type CommandName = keyof typeof commands;
const commandNames = Object.keys(commands) as CommandName[];

const optionsHelp = `Options:
  --config FILE  the configuration (default ${defaultConfigurationPath})
  --version      print the version, and what it was built from
  --help         print this, or with a command its own help`;

function overview(): string {
  const lines = commandNames.map((name) => `  ${commands[name][0].padEnd(30)}${commands[name][1]}`);
  return `rm-agent - remote access to the services of this device

Usage: rm-agent [COMMAND] [OPTIONS]

Commands:
${lines.join('\n')}

${optionsHelp}

status to consent reach a running agent by "control"${
    typeof RM_GATEWAY === 'undefined' || RM_GATEWAY ? ' (--device: one device).' : '.'
  }

Exit status: 0 ended as asked, 64 usage, 69 not connected, 78 configuration.
`;
}

function helpOf(name: CommandName): string {
  const [usage, summary, details] = commands[name];
  const options = name === 'import' ? '' : ' [--config FILE]';
  return `Usage: rm-agent ${usage}${options}\n\n${summary.charAt(0).toUpperCase()}${summary.slice(1)}.\n\n${details}\n`;
}

function isCommand(word: string): word is CommandName {
  return Object.hasOwn(commands, word);
}

/**
 * Reads the arguments that follow the program's name. Options may stand before and after the command; `--` ends them;
 * of a repeated option the last counts.
 */
export function parseCommandLine(argv: readonly string[]): Command | UsageError {
  if (typeof RM_GATEWAY === 'undefined' || RM_GATEWAY) {
    const forDevice = parseWithDevice(argv);
    if (forDevice) return forDevice;
  }
  const words: string[] = [];
  let config: string | null = null;
  let json = false;
  let persist = false;
  let dial = false;
  let offline = false;
  let root: string | null = null;
  let help = false;
  let version = false;
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (argument === '--help' || argument === '-h') help = true;
    else if (argument === '--version') version = true;
    else if (argument === '--json') json = true;
    else if (argument === '--persist') persist = true;
    else if (argument === '--dial') dial = true;
    else if (argument === '--offline') offline = true;
    else if (/^--(?:config|root)(?:=|$)/.test(argument)) {
      const [option = ''] = argument.split('=', 1);
      const given = argument === option ? (argv[++i] ?? '') : argument.slice(option.length + 1);
      if (given === '')
        return usageError(`${option} needs a ${option === '--root' ? 'directory' : 'file name'}`);
      if (option === '--root') root = given;
      else config = given;
    } else if (argument.startsWith('-'))
      return unknown('option', argument, [
        '--config',
        '--version',
        '--help',
        '--json',
        '--persist',
        '--dial',
        '--offline',
        '--root',
        ...(typeof RM_GATEWAY === 'undefined' || RM_GATEWAY ? ['--device'] : []),
      ]);
    else words.push(argument);
  }

  const [name = 'run', ...operands] = words;
  if (!isCommand(name)) return unknown('command', name, commandNames);
  if (help) return { name: 'help', text: words.length === 0 ? overview() : helpOf(name) };
  if (version) return { name: 'version' };
  if (json && name !== 'status') return usageError(`--json is an option of "status", not of "${name}"`);
  if (persist && name !== 'enable' && name !== 'disable')
    return usageError(`--persist is an option of "enable" and "disable", not of "${name}"`);
  if (dial && name !== 'check') return usageError(`--dial is an option of "check", not of "${name}"`);
  if (offline && (dial || (name !== 'check' && name !== 'enroll')))
    return usageError(`--offline is an option of "check"${dial ? ' without --dial' : `, not of "${name}"`}`);
  if (root !== null && (!offline || name === 'enroll'))
    return usageError('--root is an option of "check --offline"');
  if (name === 'consent') return consent(operands, config ?? defaultConfigurationPath);
  if (name === 'import') {
    const [file] = operands;
    if (file === undefined || operands.length > 1) return usageError('import needs the name of one file');
    if (config !== null) return usageError('import has no --config: it prints a configuration');
    return { name, file };
  }
  if (name === 'enroll') {
    const [uri, key = null] = operands;
    if (uri === undefined || operands.length > 2) return usageError('enroll needs a URL, and perhaps a key');
    return { name, config: config ?? defaultConfigurationPath, uri, key, offline };
  }
  if (name === 'open') {
    const [seconds] = operands;
    if (operands.length > 1 || (seconds !== undefined && !/^\d{1,7}$/.test(seconds)))
      return usageError('open needs nothing, or a number of seconds');
    return {
      name,
      config: config ?? defaultConfigurationPath,
      seconds: seconds === undefined ? null : Number(seconds),
    };
  }
  if (operands.length > 0) return usageError(`"${name}" takes no "${operands[0]}"`);
  config ??= defaultConfigurationPath;
  if (name === 'status') return { name, config, json };
  if (name === 'check') return { name, config, dial, offline, root };
  return name === 'enable' || name === 'disable' ? { name, config, persist } : { name, config };
}

/** A command for one device of a gateway; `null` without the option. */
function parseWithDevice(argv: readonly string[]): Command | UsageError | null {
  const end = argv.indexOf('--');
  const at = argv.findIndex(
    (argument, index) => /^--device(?:=|$)/.test(argument) && (end < 0 || index < end),
  );
  if (at < 0) return null;
  const argument = argv[at] ?? '';
  const separate = argument === '--device';
  const device = separate ? (argv[at + 1] ?? '') : argument.slice('--device='.length);
  if (!/^[!-~]+$/.test(device)) return usageError('--device needs the ID of a device of the gateway');
  const command = parseCommandLine([...argv.slice(0, at), ...argv.slice(at + (separate ? 2 : 1))]);
  if ('usageError' in command || command.name === 'help' || command.name === 'version') return command;
  if (command.name === 'run' || command.name === 'enroll' || command.name === 'import')
    return usageError(`--device is no option of "${command.name}"`);
  return { ...command, device };
}

function consent([word, port, ...more]: readonly string[], config: string): Command | UsageError {
  if ((word !== 'allow' && word !== 'refuse') || more.length > 0)
    return usageError('consent needs "allow" or "refuse", and perhaps a port');
  if (port !== undefined && !/^\d{1,5}$/.test(port)) return usageError(`consent: "${port}" is no port`);
  return { name: 'consent', config, word, port: port === undefined ? null : Number(port) };
}

function usageError(message: string): UsageError {
  return { usageError: `rm-agent: ${message} (see rm-agent --help)` };
}

function unknown(kind: 'command' | 'option', word: string, candidates: readonly string[]): UsageError {
  const guess = nearest(word, candidates);
  return usageError(`unknown ${kind} "${word}"${guess === null ? '' : `, did you mean "${guess}"?`}`);
}
