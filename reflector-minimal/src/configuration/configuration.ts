import { readFileSync } from 'node:fs';
import { fileFault } from '../file-fault.ts';
import { reservedLabels } from '../http/host-names.ts';
import { TrustedProxies } from '../http/origin.ts';
import { optionName, type Setting, type SettingKey, settings, variableName } from './settings.ts';

/** A setting is wrong. The message says where, what was found and what is allowed. Exit status 78. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const keys = Object.keys(settings);

type Values = { readonly [Key in SettingKey]: ReturnType<(typeof settings)[Key]['type']['read']> };

/** The values from one place, and its names of the keys. */
export interface Source {
  readonly values: ReadonlyMap<string, unknown>;
  name(key: string): string;
}

export interface Given {
  /** Options of the command line by key. */
  readonly options: Readonly<Partial<Record<SettingKey, string | boolean>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigurationFile | null;
  /** Name of the program, of which the variables are. */
  readonly program?: string;
}

/** A JSON file with settings. */
export interface ConfigurationFile extends Source {
  readonly path: string;
}

/** What `rm-reflector serve` runs with. */
export type Configuration = ReturnType<typeof readConfiguration>;

/** The first of command line, environment, file and default that has a value. Throws {@link ConfigurationError}. */
export function readConfiguration(given: Given) {
  const commandLine: Source = {
    values: new Map(Object.entries(given.options)),
    name: (key) => `--${optionName(key)}`,
  };
  const environment: Source = {
    values: new Map(keys.map((key) => [key, given.environment[variableName(key, given.program)]])),
    name: (key) => variableName(key, given.program),
  };
  const sources = [commandLine, environment, ...(given.file === null ? [] : [given.file])];
  const sourceOf = (key: SettingKey) => sources.find(({ values }) => (values.get(key) ?? null) !== null);
  const fail = (key: SettingKey, message: string): never => {
    throw new ConfigurationError(`${(sourceOf(key) ?? commandLine).name(key)}: ${message}`);
  };
  const table: { readonly [Key in SettingKey]: Setting<Values[Key]> } = settings;
  const read = <Key extends SettingKey>(key: Key): Values[Key] => {
    const { type, default: byDefault } = table[key];
    const value = sourceOf(key)?.values.get(key) ?? byDefault;
    return type.read(value, (allowed) => fail(key, `${JSON.stringify(value)}: must be ${allowed}`));
  };

  const domain = read('domain');
  const cookieHost = read('cookieHost');
  if (cookieHost === domain) fail('cookieHost', `"${cookieHost}": must be another one than --domain`);
  for (const label of reservedLabels) {
    if (cookieHost !== `${label}.${domain}`) continue;
    fail('cookieHost', `"${cookieHost}": is a name of the reflector itself; choose another`);
  }
  const [cert, key, clientCa] = [read('tlsCert'), read('tlsKey'), read('clientCa')];
  if (cert !== null && key === null) fail('tlsCert', 'needs --tls-key as well');
  if (cert === null && key !== null) fail('tlsKey', 'needs --tls-cert as well');
  if (clientCa !== null && cert === null) fail('clientCa', 'needs --tls-cert and --tls-key as well');
  const trustProxy = read('trustProxy');
  try {
    new TrustedProxies(trustProxy);
  } catch (error) {
    fail('trustProxy', error instanceof Error ? error.message : String(error));
  }
  const proxyProtocol = read('proxyProtocol');
  if (proxyProtocol && trustProxy.length === 0) fail('proxyProtocol', 'needs --trust-proxy as well');
  if (proxyProtocol && cert === null) fail('proxyProtocol', 'needs --tls-cert and --tls-key as well');
  return {
    ...read('listen'),
    domain,
    cookieHost,
    tls: cert !== null && key !== null ? { cert, key, clientCa } : null,
    trustProxy,
    proxyProtocol,
    unclaimed: read('unclaimed'),
    keepAlive: read('keepAlive'),
    tunnels: read('tunnels'),
    responseTimeout: read('responseTimeout'),
    tokenLifetime: read('tokenLifetime'),
    tokenByGet: read('tokenByGet'),
    sessionLifetime: read('sessionLifetime'),
    sessionIdle: read('sessionIdle'),
    drain: read('drain'),
    redirect: read('redirect'),
    audit: read('audit'),
    auditKeep: read('auditKeep'),
    logLevel: read('logLevel'),
  };
}

/** `own`: keys of the program besides the settings. Throws {@link ConfigurationError}. */
export function readConfigurationFile(path: string, own: readonly string[] = []): ConfigurationFile {
  const allowed = [...keys, 'data', ...own];
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigurationError(`${path}: ${fileFault(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigurationError(`${path}: must be an object, as in {"listen": "127.0.0.1:8080"}`);
  }
  for (const key of Object.keys(parsed)) {
    if (!allowed.includes(key)) {
      throw new ConfigurationError(`${path}: ${key}: unknown; allowed are ${allowed.join(', ')}`);
    }
  }
  return { path, values: new Map(Object.entries(parsed)), name: (key) => `${path}: ${key}` };
}
