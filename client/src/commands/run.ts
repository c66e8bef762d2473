import { readFileSync } from 'node:fs';
import { resources } from '../api/resources.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import { usage } from '../command-line/usage.ts';
import { ExitStatus, Failure } from '../failure.ts';
import { devices, login, logout } from './account.ts';
import { completion } from './completion.ts';
import { connect } from './connect.ts';
import { forward } from './forward.ts';
import { programs, runProgram } from './program.ts';
import { resourceHelp, runResource } from './resource.ts';
import { web } from './web.ts';

type Command = (args: string[], context: CommandContext) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  login,
  logout,
  // Without an action it lists those of any reflector.
  devices: (args, context) =>
    args[0] === undefined || args[0].startsWith('-')
      ? devices(args, context)
      : runResource('devices', args, context),
  forward,
  connect,
  ...Object.fromEntries(
    Object.entries(programs).map(([name, program]): [string, Command] => [
      name,
      (args, context) => runProgram(name, program, args, context),
    ]),
  ),
  ...Object.fromEntries(
    Object.keys(resources)
      .filter((name) => name !== 'devices')
      .map((name): [string, Command] => [name, (args, context) => runResource(name, args, context)]),
  ),
  web,
  completion: (args, context) => completion(Object.keys(commands))(args, context),
};

/** Runs one command line and returns the exit status. Errors are printed as one line. */
export async function run(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await dispatch(args, context);
  } catch (error) {
    const failure = explain(error);
    context.printError(`rm-client: ${failure.message}\n`);
    return failure.status;
  }
}

async function dispatch([name, ...args]: readonly string[], context: CommandContext): Promise<number> {
  if (name === '--version') {
    context.print(`rm-client ${version()}\n`);
    return ExitStatus.ok;
  }
  if (name === '--help' || name === '-h') {
    context.print(usage(undefined));
    return ExitStatus.ok;
  }
  if (name === undefined) throw new Failure('which command? See rm-client --help', ExitStatus.usage);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const all = Object.keys(commands).join(', ');
    throw new Failure(`${name}: must be one of ${all}; see rm-client --help`, ExitStatus.usage);
  }
  // Only as the first argument: after the device it belongs to the local program.
  if (args[0] === '--help' || args[0] === '-h') {
    context.print(Object.hasOwn(resources, name) ? resourceHelp(name) : usage(name));
    return ExitStatus.ok;
  }
  return command(args, context);
}

function explain(error: unknown): Failure {
  if (error instanceof Failure) return error;
  // node:util's parseArgs explains in several sentences; the first says what is wrong.
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')) {
    return new Failure(`${error.message.split(/\.(?:\s|$)/, 1)[0]}; see rm-client --help`, ExitStatus.usage);
  }
  throw error;
}

/** Set in the bundle of a single executable, which has no package beside it. */
declare const RM_VERSION: string | undefined;

function version(): string {
  if (typeof RM_VERSION !== 'undefined') return RM_VERSION;
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
