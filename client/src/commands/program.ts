import { spawn } from 'node:child_process';
import { constants as system } from 'node:os';
import { parseArgs } from 'node:util';
import { describeDevice } from '../account/reflector-api.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import {
  authorizationsAt,
  type Chosen,
  chooseReflector,
  type ReflectorValues,
  reflectorArguments,
  reflectorOptions,
} from '../command-line/reflector-options.ts';
import { readDevice, readPort, splitLogin } from '../command-line/target.ts';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';
import { Listener } from './listener.ts';
import { findProgram, quoted } from './local-program.ts';
import { splitArguments } from './openssh-options.ts';
import { type ServiceKind, standardPorts } from './service-port.ts';
import { puttyArguments, puttyOf, viewersOf } from './viewers.ts';

const options = {
  ...reflectorOptions,
  'remote-port': { type: 'string', short: 'R' },
  program: { type: 'string' },
} as const;

/** A local program that talks to a device. */
interface Program {
  /** Decides the port of the device, unless `-R` names one. */
  readonly service: ServiceKind;
  /** Names of its executable, in order of preference; those of viewers depend on the system (`viewers.ts`). */
  readonly names: readonly string[];
  readonly install: string;
  /** How it connects to the device. */
  readonly transport:
    | {
        readonly kind: 'proxy-command';
        /** The arguments after the program's options. */
        arguments(destination: string, rest: readonly string[]): readonly string[];
      }
    | { readonly kind: 'listener'; readonly viewer: 'vnc' | 'rdp' };
}

const openSsh = { service: 'ssh', install: 'the OpenSSH client' } as const;

/** By the name of the command. */
export const programs: Readonly<Record<string, Program>> = {
  ssh: {
    ...openSsh,
    names: ['ssh'],
    // OpenSSH also accepts options between destination and command.
    transport: { kind: 'proxy-command', arguments: (destination, rest) => [destination, ...rest] },
  },
  scp: {
    ...openSsh,
    names: ['scp'],
    transport: {
      kind: 'proxy-command',
      arguments: (destination, rest) =>
        rest.map((text) => (text.startsWith(':') ? destination + text : text)),
    },
  },
  sftp: {
    ...openSsh,
    names: ['sftp'],
    transport: { kind: 'proxy-command', arguments: (destination, rest) => [...rest, destination] },
  },
  vnc: {
    service: 'vnc',
    names: [],
    install: 'a VNC viewer, such as TigerVNC',
    transport: { kind: 'listener', viewer: 'vnc' },
  },
  rdp: {
    service: 'rdp',
    names: [],
    install: 'FreeRDP',
    transport: { kind: 'listener', viewer: 'rdp' },
  },
};

/** `rm-client ssh`, `scp` and so on: runs the program and returns its exit status. */
export async function runProgram(
  command: string,
  program: Program,
  args: string[],
  context: CommandContext,
): Promise<number> {
  const { transport, service } = program;
  const { ours, theirs, destination, rest } =
    transport.kind === 'proxy-command' ? splitArguments(command, args, options) : behindDevice(command, args);
  if (destination === undefined) {
    throw new Failure(`usage: rm-client ${command} [OPTIONS] DEVICE [ARGUMENTS]`, ExitStatus.usage);
  }
  const { values } = parseArgs({ args: [...ours], options });
  const port = values['remote-port'] === undefined ? null : readPort(values['remote-port'], '-R');
  const [login, name] = splitLogin(destination);
  const chosen = chooseReflector(values, context);
  const device = readDevice(name, chosen.route.reflector);
  const { file, told } = locate(command, program, values.program, context);
  if (transport.kind === 'proxy-command' && told === null) {
    const ssh = sshOptions(context.self, device, values, chosen);
    // OpenSSH uses the first value of an option.
    const remotePort = port === null ? [] : ['-o', `Port=${port}`];
    return start(file, [...ssh, ...remotePort, ...theirs, ...transport.arguments(login + device, rest)]);
  }
  if (transport.kind === 'listener' && login !== '') {
    throw new Failure(`${destination}: ${command} takes no user name`, ExitStatus.usage);
  }
  const authorize = await authorizationsAt(chosen, context);
  const authorization = await authorize();
  const described = port === null ? await describeDevice(chosen.route, authorization, device) : null;
  const listener = await Listener.open({
    route: chosen.route,
    authorize,
    target: { device, port: port ?? described?.[`${service}Port`] ?? standardPorts[service] },
    port: 0,
    failed: (message) => context.printError(`rm-client: ${message}\n`),
  });
  try {
    const theirArguments = [...theirs, ...rest];
    return await start(
      file,
      told?.({ device, login, port: listener.port }, theirArguments) ?? theirArguments,
    );
  } finally {
    listener.close();
  }
}

/** Tells a program which port of 127.0.0.1 leads to the device. */
type Told = (
  place: { readonly device: string; readonly login: string; readonly port: number },
  rest: readonly string[],
) => readonly string[];

/**
 * The program to start: the user's, a viewer of this system, or that of OpenSSH; where that is missing on Windows, PuTTY.
 * `told` is `null` for OpenSSH, which connects by a ProxyCommand.
 */
function locate(
  command: string,
  { names, install, transport }: Program,
  given: string | undefined,
  { environment }: CommandContext,
): { readonly file: string; readonly told: Told | null } {
  const find = (files: readonly string[]) => findProgram(files, environment.PATH ?? '');
  const candidates: readonly { readonly file: string; readonly told: Told | null }[] =
    transport.kind === 'listener'
      ? viewersOf(transport.viewer, process.platform, environment).map((viewer) => ({
          file: viewer.file,
          told: ({ port }, rest) => viewer.arguments(port, rest),
        }))
      : [
          ...names.map((file) => ({ file, told: null })),
          ...(command === 'ssh' ? puttyOf(process.platform, environment) : []).map((file) => ({
            file,
            told: puttyArguments,
          })),
        ];
  for (const { file, told } of given === undefined ? candidates : candidates.slice(0, 1)) {
    const found = find([given ?? file]);
    if (found !== null) return { file: found, told };
  }
  throw new Failure(
    `${given ?? command}: not installed: install ${install}, or name another with --program`,
    ExitStatus.noProgram,
  );
}

/** Options of viewers have no common form, so they follow the device. */
function behindDevice(command: string, args: string[]): ReturnType<typeof splitArguments> {
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  const at = tokens.find(({ kind }) => kind === 'positional')?.index ?? args.length;
  for (const token of tokens) {
    if (token.kind !== 'option' || token.index > at || Object.hasOwn(options, token.name)) continue;
    throw new Failure(
      `${token.rawName}: not an option of rm-client; those of the program come behind the device: rm-client ${command} DEVICE [ARGUMENTS]`,
      ExitStatus.usage,
    );
  }
  return {
    ours: args.slice(0, at).filter((arg) => arg !== '--'),
    theirs: [],
    destination: args[at],
    rest: args.slice(at + 1),
  };
}

/**
 * OpenSSH connects through `rm-client connect`. Nothing listens, so no other user of this machine can connect. OpenSSH
 * fills in the port, from `-p`, `-P`, `-o Port` or its own configuration.
 */
function sshOptions(
  self: readonly string[],
  device: string,
  values: ReflectorValues,
  chosen: Chosen,
): string[] {
  const command = [...self, 'connect', '--kind=ssh', ...reflectorArguments(values, chosen)];
  // Quoted for the shell that OpenSSH starts, and for the tokens that OpenSSH expands.
  const words = command.map((word) => quoted(word).replaceAll('%', '%%'));
  const proxyCommand = [...words, quoted(`${device}:%p`)].join(' ');
  return ['-o', `ProxyCommand=${proxyCommand}`, '-o', `HostKeyAlias=${device}`];
}

/** The exit status, or 128 plus the signal's number, as in a shell. */
function start(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit' });
    // The terminal sends its signals to both processes; the program decides what they mean.
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
