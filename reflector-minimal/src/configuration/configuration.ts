import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { asciiLowerCase } from '../ascii-case.ts';
import { fileFault } from '../file-fault.ts';
import { hostOf, reservedLabels } from '../http/host-names.ts';
import { TrustedProxies } from '../http/origin.ts';
import { optionName, type Setting, type SettingKey, settings, variableName } from './settings.ts';

/** What `rm-reflector serve` runs with. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** Second host name, or `null`. */
  readonly cookieHost: string | null;
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string | null } | null;
  readonly trustProxy: readonly string[];
  readonly unclaimed: boolean;
  readonly keepAlive: number;
  /** Seconds. */
  readonly responseTimeout: number;
  readonly tokenLifetime: number;
  readonly tokenByGet: boolean;
  readonly sessionLifetime: number;
  readonly sessionIdle: number;
  /** File of the audit log, or `null`. */
  readonly audit: string | null;
  /** Days. */
  readonly auditKeep: number;
  readonly logLevel: string;
}

/** A setting is wrong; the message says where, what was found, and what is allowed. Exit status 78. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

type Value = string | boolean | number | readonly string[] | null;

/** Values as given in one place, and how to name a key of it. */
interface Source {
  readonly values: ReadonlyMap<string, unknown>;
  name(key: string): string;
}

export interface Given {
  /** Options of the command line by key. */
  readonly options: Readonly<Partial<Record<SettingKey, string | boolean>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** JSON file, or `null`. */
  readonly file: string | null;
}

/** The first of command line, environment, file and default that has a value. Throws {@link ConfigurationError}. */
export function readConfiguration(given: Given): Configuration {
  const sources: Source[] = [
    { values: new Map(Object.entries(given.options)), name: (key) => `--${optionName(key)}` },
    {
      values: new Map(settings.map(({ key }) => [key, given.environment[variableName(key)]])),
      name: variableName,
    },
    ...(given.file === null ? [] : [fileSource(given.file)]),
  ];
  const where = new Map<string, string>();
  const values = new Map<string, Value>();
  for (const setting of settings) {
    const source = sources.find(({ values }) => (values.get(setting.key) ?? null) !== null);
    const name = source?.name(setting.key) ?? `--${optionName(setting.key)}`;
    where.set(setting.key, name);
    values.set(
      setting.key,
      source ? readValue(setting, source.values.get(setting.key), name) : setting.default,
    );
  }
  return assemble(values, (key, complaint) => {
    throw new ConfigurationError(`${where.get(key)}: ${complaint}`);
  });
}

function fileSource(path: string): Source {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigurationError(`${path}: ${fileFault(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigurationError(`${path}: must be an object, as in {"listen": "127.0.0.1:8080"}`);
  }
  const known = settings.map(({ key }) => key as string);
  for (const key of Object.keys(parsed)) {
    if (!known.includes(key)) {
      throw new ConfigurationError(`${path}: ${key}: unknown; allowed are ${known.join(', ')}`);
    }
  }
  return { values: new Map(Object.entries(parsed)), name: (key) => `${path}: ${key}` };
}

function readValue(setting: Setting, value: unknown, name: string): Value {
  const wrong = (allowed: string): never => {
    throw new ConfigurationError(`${name}: ${JSON.stringify(value)}: must be ${allowed}`);
  };
  switch (setting.kind) {
    case 'text':
      return typeof value === 'string' && value !== '' ? value : wrong('text');
    case 'flag':
      if (typeof value === 'boolean') return value;
      if (value === 'true' || value === '1') return true;
      return value === 'false' || value === '0' ? false : wrong('true or false');
    case 'list': {
      const items = typeof value === 'string' ? value.split(',') : value;
      if (!Array.isArray(items) || !items.every((item) => typeof item === 'string'))
        return wrong('a list of texts');
      return items.map((item: string) => item.trim()).filter((item) => item !== '');
    }
    case 'integer': {
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = setting;
      const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
      const fits = typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max;
      return fits ? number : wrong(`a whole number from ${min} to ${max}`);
    }
    case 'choice': {
      const { choices = [] } = setting;
      return typeof value === 'string' && choices.includes(value)
        ? value
        : wrong(`one of ${choices.join(', ')}`);
    }
  }
}

function assemble(
  values: ReadonlyMap<string, Value>,
  complain: (key: SettingKey, complaint: string) => never,
): Configuration {
  const get = <T extends Value>(key: SettingKey) => values.get(key) as T;
  const listen = parseListen(get<string>('listen'));
  if (!listen)
    complain('listen', `"${get('listen')}": must be ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080`);
  const domain = asciiLowerCase(get<string>('domain'));
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  if (!new RegExp(`^${label}(?:\\.${label})*$`).test(domain) || isIP(domain) !== 0) {
    complain('domain', `"${domain}": must be a host name, as in reflector.example.com`);
  }
  const given = get<string | null>('cookieHost');
  const cookieHost = given === null ? null : asciiLowerCase(given);
  if (cookieHost !== null && hostOf(cookieHost) !== cookieHost) {
    complain('cookieHost', `"${cookieHost}": must be a host name or an IPv4 address, without a port`);
  }
  if (cookieHost === domain) complain('cookieHost', `"${cookieHost}": must be another one than --domain`);
  for (const label of reservedLabels) {
    if (cookieHost !== `${label}.${domain}`) continue;
    complain('cookieHost', `"${cookieHost}": is a name of the reflector itself; choose another`);
  }
  const [cert, key] = [get<string | null>('tlsCert'), get<string | null>('tlsKey')];
  if (cert !== null && key === null) complain('tlsCert', 'needs --tls-key as well');
  if (cert === null && key !== null) complain('tlsKey', 'needs --tls-cert as well');
  const clientCa = get<string | null>('clientCa');
  if (clientCa !== null && cert === null) complain('clientCa', 'needs --tls-cert and --tls-key as well');
  const trustProxy = get<readonly string[]>('trustProxy');
  try {
    new TrustedProxies(trustProxy);
  } catch (error) {
    complain('trustProxy', error instanceof Error ? error.message : String(error));
  }
  return {
    host: listen.host,
    port: listen.port,
    domain,
    cookieHost,
    tls: cert !== null && key !== null ? { cert, key, clientCa } : null,
    trustProxy,
    unclaimed: get('unclaimed'),
    keepAlive: get('keepAlive'),
    responseTimeout: get('responseTimeout'),
    tokenLifetime: get('tokenLifetime'),
    tokenByGet: get('tokenByGet'),
    sessionLifetime: get('sessionLifetime'),
    sessionIdle: get('sessionIdle'),
    audit: get('audit'),
    auditKeep: get('auditKeep'),
    logLevel: get('logLevel'),
  };
}

function parseListen(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port <= 65535 ? { host, port } : null;
}
