import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ConfigurationError,
  type ConfigurationFile,
  readConfiguration,
  readConfigurationFile,
} from '../configuration/configuration.ts';
import { flag } from '../configuration/setting-types.ts';
import { optionName, type SettingKey, settings, variableName } from '../configuration/settings.ts';
import { StoreError } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { auditCommand } from './audit-command.ts';
import type { CommandContext } from './command-context.ts';
import { deviceActions, runDeviceCommand } from './device-commands.ts';
import { CommandError, ExitStatus } from './exit.ts';
import type { Program, ProgramCommand, StoreSources } from './program.ts';
import { reflectorProgram } from './reflector-program.ts';
import { serve } from './serve.ts';
import { commandUsage, usage } from './usage.ts';
import { runUserCommand, userActions } from './user-commands.ts';

const serveOptions = Object.fromEntries(
  Object.entries(settings).map(([key, { type }]) => [
    optionName(key),
    { type: type === flag ? 'boolean' : 'string' } as const,
  ]),
);
const everywhere = {
  data: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;
const accountOptions = {
  ...everywhere,
  domain: { type: 'string' },
  digest: { type: 'boolean' },
  certificate: { type: 'boolean' },
  'issued-since': { type: 'string' },
  from: { type: 'string' },
  output: { type: 'string' },
  state: { type: 'string' },
  match: { type: 'string' },
  json: { type: 'boolean' },
  force: { type: 'boolean' },
  admin: { type: 'boolean' },
  remove: { type: 'boolean' },
  'password-file': { type: 'string' },
  url: { type: 'string' },
  config: { type: 'string' },
} as const;

/** Options of each command, apart from the common ones. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'device add': [
    'domain',
    'digest',
    'certificate',
    'issued-since',
    'password-file',
    'from',
    'output',
    'url',
    'config',
  ],
  'device claim': ['domain'],
  'device passwd': ['digest', 'certificate', 'issued-since', 'password-file'],
  'device list': ['domain', 'state', 'match', 'json'],
  'device show': ['json'],
  'user demote': ['force'],
  'user remove': ['force'],
  'user add': ['admin', 'password-file'],
  'user totp': ['remove'],
  'user passwd': ['password-file'],
};

/** Actions that change nothing. */
const reading: ReadonlySet<string> = new Set(['list', 'show']);

/** Runs one command line and returns the exit status. Errors are printed as one line. */
export async function run(
  args: readonly string[],
  context: CommandContext,
  program: Program = reflectorProgram,
): Promise<number> {
  try {
    return await dispatch([...args], context, program);
  } catch (error) {
    const [status, message] = explain(error, program.name);
    // Messages of libraries may have several lines.
    context.printError(`${program.name}: ${message.replaceAll(/\s*[\r\n]+\s*/g, ' ')}\n`);
    return status;
  }
}

function explain(error: unknown, program: string): [status: number, message: string] {
  if (error instanceof CommandError) return [error.status, error.message];
  if (error instanceof ConfigurationError) return [ExitStatus.configuration, error.message];
  if (error instanceof StoreError) return [ExitStatus.data, error.message];
  // node:util's parseArgs explains in several sentences; the first says what is wrong.
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')) {
    return [ExitStatus.usage, `${error.message.split(/\.(?:\s|$)/, 1)[0]}; see ${program} --help`];
  }
  throw error;
}

async function dispatch(args: string[], context: CommandContext, program: Program): Promise<number> {
  const { environment } = context;
  const command = args[0] !== undefined && !args[0].startsWith('-') ? (args.shift() ?? '') : 'serve';
  const isAccount = command === 'device' || command === 'user';
  const own =
    program.commands && Object.hasOwn(program.commands, command) ? program.commands[command] : undefined;
  const storeOption = program.stores ? { store: { type: 'string' as const } } : {};
  const { values, positionals } = parseArgs({
    args,
    options: isAccount
      ? { ...accountOptions, ...storeOption }
      : {
          ...everywhere,
          config: { type: 'string' as const },
          ...(own
            ? optionsOf(own)
            : { ...serveOptions, ...stringOptions(program.serveOptions), ...storeOption }),
        },
    allowPositionals: isAccount || own !== undefined,
  });
  const option = (name: string) => (values as Record<string, string | boolean | undefined>)[name];
  if (option('help')) {
    context.print(own ? commandUsage(program, own) : usage(program, environment));
    return ExitStatus.ok;
  }
  if (option('version')) {
    context.print(`${program.name} ${program.version}\n`);
    return ExitStatus.ok;
  }
  const file = configurationFile(
    program,
    isAccount ? undefined : (option('config') as string | undefined),
    environment,
  );
  const data = dataFile(program, option('data') as string | undefined, environment, file);
  const sources = {
    given: givenStore(program, option('store') as string | undefined, environment),
    file,
    environment,
  };
  if (command === 'serve') {
    const given = Object.fromEntries(Object.keys(settings).map((key) => [key, option(optionName(key))]));
    const configuration = readConfiguration({
      options: given as Partial<Record<SettingKey, string | boolean>>,
      environment,
      file,
      program: program.name,
    });
    const place = { data, sources, settings: configuration, option: textOf(option) };
    return program.supervise?.(place, context) ?? serve({ program, configuration, data, sources, context });
  }
  if (own) {
    const [least, most] = own.names;
    if (positionals.length < least || positionals.length > most) {
      throw new CommandError(ExitStatus.usage, `must be ${program.name} ${own.usage}`);
    }
    const place = { data, sources, option: textOf(option) };
    return own.run(positionals, place, context);
  }
  if (!isAccount) {
    const commands = ['serve', 'device', 'user', ...Object.keys(program.commands ?? {})].join(', ');
    throw new CommandError(
      ExitStatus.usage,
      `${command}: must be one of ${commands}; see ${program.name} --help`,
    );
  }
  const [action = '', name, ...others] = positionals;
  if (action === '') {
    const actions = (command === 'device' ? deviceActions : userActions).join(', ');
    throw new CommandError(ExitStatus.usage, `${command}: must be followed by one of ${actions}`);
  }
  const takesDomain = command === 'user' && (action === 'grant' || action === 'revoke');
  const [domain, ...rest] = takesDomain ? others : [undefined, ...others];
  if (rest.length > 0 || (action === 'list' && name !== undefined)) {
    throw new CommandError(ExitStatus.usage, `${command} ${action}: too many names`);
  }
  const permitted = ['data', 'store', ...(allowed[`${command} ${action}`] ?? [])];
  const surplus = Object.keys(values).find((given) => !permitted.includes(given));
  if (surplus !== undefined) {
    throw new CommandError(
      ExitStatus.usage,
      `--${surplus}: not an option of ${command} ${action || 'ACTION'}`,
    );
  }
  const actions = command === 'device' ? deviceActions : userActions;
  if (!actions.includes(action)) {
    throw new CommandError(ExitStatus.usage, `${command} ${action}: must be one of ${actions.join(', ')}`);
  }
  const openOther = program.stores?.chosen(sources) ?? null;
  // Only commands that add something create a data file, so that a wrong path gets noticed.
  const fresh = openOther === null && action === 'add' && !existsSync(data);
  const warn = (text: string) => context.printError(`${program.name}: ${text}\n`);
  const sqlite = openOther ? null : SqliteStore.open(data, { existing: action !== 'add', warn });
  const store = sqlite ?? (await openOther?.(warn));
  if (!store) throw new Error('there is no store');
  let made = false;
  try {
    const options = values as Record<string, never>;
    context.print(
      command === 'device'
        ? await runDeviceCommand(
            store,
            action,
            name,
            { ...options, configuredUrl: file && program.agentUrl?.(file) },
            context.clock,
            sqlite?.isServed() ?? true,
          )
        : await runUserCommand(store, action, name, domain, options, context),
    );
    made = fresh;
    if (made) warn(`made a new data file, ${data}`);
    const from = (options as { from?: string }).from;
    if ((name !== undefined || from !== undefined) && !reading.has(action)) {
      const given = domain ?? (options as { domain?: string }).domain;
      const detail = from === undefined ? given && `domain ${given}` : `devices of ${from}`;
      const place = sqlite ?? { path: null, audit: auditFile(program, file, environment) };
      const warning = await auditCommand(store, place, { command, action, name, detail }, context.clock);
      if (warning !== null) warn(warning);
    }
  } finally {
    await store.close();
    if (fresh && !made) rmSync(data, { force: true });
  }
  return ExitStatus.ok;
}

function optionsOf({
  options = [],
}: Pick<ProgramCommand, 'options'>): Record<string, { readonly type: 'string' }> {
  return Object.fromEntries(options.map((name) => [name, { type: 'string' }]));
}

function stringOptions(options: Program['serveOptions'] = {}): Record<string, { readonly type: 'string' }> {
  return optionsOf({ options: Object.keys(options) });
}

/** Of options that take a value. */
function textOf(option: (name: string) => string | boolean | undefined) {
  return (name: string) => option(name) as string | undefined;
}

function givenStore(
  program: Program,
  option: string | undefined,
  environment: CommandContext['environment'],
): StoreSources['given'] {
  if (!program.stores) return null;
  if (option !== undefined) return { value: option, name: '--store' };
  const name = variableName('store', program.name);
  const value = environment[name];
  return value ? { value, name } : null;
}

/** The audit file of the configuration, absolute; `null`: it names none. */
function auditFile(
  program: Program,
  file: ConfigurationFile | null,
  environment: CommandContext['environment'],
): string | null {
  const path = environment[variableName('audit', program.name)] || file?.values.get('audit');
  return typeof path === 'string' ? resolve(path) : null;
}

function configurationFile(
  program: Program,
  given: string | undefined,
  environment: CommandContext['environment'],
): ConfigurationFile | null {
  const { defaultFile, keys, name } = program;
  const path = given ?? (environment[variableName('config', name)] || null);
  if (path !== null) return readConfigurationFile(path, keys);
  return defaultFile !== null && existsSync(defaultFile) ? readConfigurationFile(defaultFile, keys) : null;
}

function dataFile(
  program: Program,
  given: string | undefined,
  environment: CommandContext['environment'],
  file: ConfigurationFile | null,
): string {
  const path = given ?? (environment[variableName('data', program.name)] || file?.values.get('data'));
  if (path === undefined || path === null) return program.defaultData(environment);
  if (typeof path === 'string' && path !== '') return path;
  throw new ConfigurationError(`${file?.path}: data: must be the path of a file`);
}
