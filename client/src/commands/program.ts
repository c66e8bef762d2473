import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { constants as system } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  authorizeAt,
  type Chosen,
  chooseReflector,
  type ReflectorValues,
  reflectorArguments,
  reflectorOptions,
} from '../command-line/reflector-options.ts';
import { readDevice, readPort } from '../command-line/target.ts';
import type { World } from '../command-line/world.ts';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';
import type { Target } from '../tunnel/open-device.ts';
import { Listener } from './listener.ts';

const options = {
  ...reflectorOptions,
  'remote-port': { type: 'string', short: 'R' },
  program: { type: 'string' },
} as const;

/** A local program that is started with a way to the device. */
interface Program {
  /** The port of the device unless `-R` names another. */
  readonly port: number;
  /** Names under which it is installed, the best first. */
  readonly names: readonly string[];
  readonly install: string;
  /** How it gets there. */
  readonly way:
    | {
        readonly kind: 'proxy-command';
        arguments(destination: string, rest: readonly string[]): readonly string[];
      }
    | { readonly kind: 'listener'; arguments(port: number, rest: readonly string[]): readonly string[] };
}

const openSsh = { port: 22, install: 'the OpenSSH client' };

/** By the name of the command. */
export const programs: Readonly<Record<string, Program>> = {
  ssh: {
    ...openSsh,
    names: ['ssh'],
    // OpenSSH takes options after the destination too, until the command begins.
    way: { kind: 'proxy-command', arguments: (destination, rest) => [destination, ...rest] },
  },
  scp: {
    ...openSsh,
    names: ['scp'],
    way: {
      kind: 'proxy-command',
      arguments: (destination, rest) =>
        rest.map((text) => (text.startsWith(':') ? destination + text : text)),
    },
  },
  sftp: {
    ...openSsh,
    names: ['sftp'],
    way: { kind: 'proxy-command', arguments: (destination, rest) => [...rest, destination] },
  },
  vnc: {
    port: 5900,
    names: ['vncviewer', 'xtigervncviewer'],
    install: 'a VNC viewer, such as TigerVNC',
    way: { kind: 'listener', arguments: (port, rest) => [...rest, `127.0.0.1::${port}`] },
  },
  rdp: {
    port: 3389,
    names: ['xfreerdp3', 'xfreerdp', 'wlfreerdp'],
    install: 'FreeRDP',
    way: { kind: 'listener', arguments: (port, rest) => [`/v:127.0.0.1:${port}`, ...rest] },
  },
};

/** `rm-client ssh` and its like: our options, the device, and then what belongs to the program. Gives its exit status. */
export async function runProgram(
  command: string,
  program: Program,
  args: string[],
  world: World,
): Promise<number> {
  const at = deviceIndex(args);
  const destination = args[at];
  if (destination === undefined) {
    throw new Failure(`usage: rm-client ${command} [OPTIONS] DEVICE [ARGUMENTS]`, ExitStatus.usage);
  }
  const { values } = parseArgs({ args: args.slice(0, at), options });
  const rest = args.slice(at + 1);
  const port = values['remote-port'] === undefined ? program.port : readPort(values['remote-port'], '-R');
  const chosen = chooseReflector(values, world);
  const [login, name] = splitLogin(destination);
  const device = readDevice(name, chosen.route.reflector);
  const file = findProgram(values.program === undefined ? program.names : [values.program], world);
  if (file === null) {
    const missing = values.program ?? command;
    throw new Failure(
      `${missing}: not installed: install ${program.install}, or name another with --program`,
      ExitStatus.noProgram,
    );
  }
  const { way } = program;
  if (way.kind === 'proxy-command') {
    const ssh = sshOptions(world.self, { device, port }, values, chosen);
    return start(file, [...ssh, ...way.arguments(login + device, rest)]);
  }
  if (login !== '') throw new Failure(`${destination}: ${command} takes no user name`, ExitStatus.usage);
  const listener = await Listener.open({
    route: chosen.route,
    authorization: await authorizeAt(chosen, world),
    target: { device, port },
    port: 0,
    failed: (message) => world.complain(`rm-client: ${message}\n`),
  });
  try {
    return await start(file, way.arguments(listener.port, rest));
  } finally {
    listener.close();
  }
}

/** Where the first argument is that is neither an option of ours nor the value of one. */
function deviceIndex(args: readonly string[]): number {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.find(({ kind }) => kind === 'positional')?.index ?? args.length;
}

function splitLogin(destination: string): [login: string, device: string] {
  const at = destination.lastIndexOf('@') + 1;
  return [destination.slice(0, at), destination.slice(at)];
}

/** OpenSSH gets its connection from `rm-client connect`: nothing listens, so nobody else on this machine gets in. */
export function sshOptions(
  self: readonly string[],
  { device, port }: Target,
  values: ReflectorValues,
  chosen: Chosen,
): string[] {
  const command = [...self, 'connect', ...reflectorArguments(values, chosen), `${device}:${port}`];
  // The shell that OpenSSH starts, and the tokens that OpenSSH itself expands.
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`.replaceAll('%', '%%'));
  return ['-o', `ProxyCommand=${quoted.join(' ')}`, '-o', `HostKeyAlias=${device}`];
}

function findProgram(names: readonly string[], { environment }: World): string | null {
  for (const name of names) {
    const places = name.includes('/') ? [''] : (environment.PATH ?? '').split(delimiter).filter(Boolean);
    for (const place of places) {
      const file = join(place, name);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // Not there, or not ours to run.
      }
    }
  }
  return null;
}

/** The exit status, or 128 and the signal, as a shell has it. */
function start(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit' });
    // The terminal sends its signals to both: what they mean is for the program to decide.
    const ignored = () => {};
    const passed = () => child.kill('SIGTERM');
    process.on('SIGINT', ignored).on('SIGQUIT', ignored).on('SIGTERM', passed);
    const done = () => process.off('SIGINT', ignored).off('SIGQUIT', ignored).off('SIGTERM', passed);
    child.once('error', (error) => {
      done();
      reject(new Failure(`${file}: ${reasonOf(error)}`, ExitStatus.noProgram));
    });
    child.once('close', (status, signal) => {
      done();
      resolve(status ?? 128 + (signal ? system.signals[signal] : 0));
    });
  });
}
