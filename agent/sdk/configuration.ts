import type { ConfigurationFile } from '../src/config/configuration.ts';
import type { Json, JsonObject } from '../src/config/json.ts';
import type { ServiceHandler } from './handler-service.ts';
import type { Provider } from './provider.ts';

/** Keys of the file that only the program heeds. */
type OfProgram = '$schema' | 'control' | 'notify' | 'log' | 'start' | 'onDemand' | 'mqtt';

type DeviceInFile = ConfigurationFile['device'];
type PropertyInFile = NonNullable<DeviceInFile['properties']>[string];
type SecretInFile = NonNullable<DeviceInFile['password']>;
type ProxyInFile = NonNullable<ConfigurationFile['proxy']>;
type ProxyServerInFile = Extract<ProxyInFile, { readonly uri: string }>;
type ServiceInFile = ConfigurationFile['services'][number];

/** A secret of the file, or a function that gives it for each attempt to connect. */
export type Credential = SecretInFile | Provider<string>;

export interface AgentDevice extends Omit<DeviceInFile, 'password' | 'properties'> {
  readonly password?: Credential;
  /** Functions are called for each attempt to connect, and at `propertiesInterval`. */
  readonly properties?: Readonly<Record<string, PropertyInFile | Provider<string | number | boolean>>>;
}

/** A proxy with its password apart from its URI. */
export interface ProxyServer extends Omit<ProxyServerInFile, 'password'> {
  readonly password?: Credential;
}

type ProxyEntry = Extract<ProxyInFile, string> | ProxyServer;

/** When connections are let in. */
export type AccessRule = NonNullable<ConfigurationFile['access']>;

export interface AgentService extends ServiceInFile {
  /** Serves the port inside this process; nothing listens for it. */
  readonly handler?: ServiceHandler;
}

/**
 * The configuration of `/etc/rm-agent.json` (`docs/configuration.md`), with handlers in the place of TCP services and
 * functions in the place of secrets and properties. A quantity is a number of the unit that the reference names, or text
 * with a unit: `"30s"`, `"64KiB"`.
 */
export interface AgentConfiguration
  extends Omit<ConfigurationFile, OfProgram | 'services' | 'device' | 'proxy'> {
  readonly device: AgentDevice;
  readonly services: readonly AgentService[];
  readonly proxy?: ProxyEntry | readonly ProxyEntry[] | null;
}

/** The configuration given to {@link Agent} is wrong; `errors` has a line for each reason. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly errors: readonly string[];

  constructor(errors: readonly string[]) {
    super(errors.join('\n'));
    this.errors = errors;
  }
}

/** What an application has passed, taken apart. */
export interface Separated {
  /** As it would stand in the file. */
  readonly json: JsonObject;
  readonly handlers: ReadonlyMap<number, ServiceHandler>;
  /** By the variable that stands for the secret in `json`: its place, and the function that gives it. */
  readonly credentials: ReadonlyMap<string, { readonly path: string; readonly provide: Provider<string> }>;
  readonly properties: ReadonlyMap<string, Provider<string | number | boolean>>;
  /** Keys that have no effect here. */
  readonly warnings: readonly string[];
}

const ofProgram: readonly string[] = ['control', 'notify', 'log', 'start', 'onDemand', 'mqtt'];

const functionsAllowed =
  'allowed are functions for services[].handler, device.password, proxy.password and device.properties.NAME';

/** Takes a configuration apart into text and functions. Throws {@link ConfigurationError} for what is neither. */
export function separate(given: unknown): Separated {
  const errors: string[] = [];
  const handlers = new Map<number, ServiceHandler>();
  const credentials = new Map<string, { path: string; provide: Provider<string> }>();
  const properties = new Map<string, Provider<string | number | boolean>>();

  const functionAt = (path: string, value: Provider<never>): Json => {
    const property = /^device\.properties\.(.+)$/.exec(path)?.[1];
    if (property !== undefined) {
      properties.set(property, value);
      return '';
    }
    if (/^(?:device|proxy(?:\[\d+\])?)\.password$/.test(path)) {
      const variable = `RM_AGENT_CREDENTIAL_${credentials.size + 1}`;
      credentials.set(variable, { path, provide: value });
      return { env: variable };
    }
    errors.push(`${path}: found a function, ${functionsAllowed}`);
    return null;
  };

  const jsonOf = (value: unknown, path: string, within: readonly object[]): Json | undefined => {
    if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
      return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (typeof value === 'function') return functionAt(path, value as Provider<never>);
    if (within.includes(value)) {
      errors.push(`${path}: found an object within itself, allowed is what JSON knows`);
      return null;
    }
    const inside = [...within, value];
    if (Array.isArray(value)) {
      return value.map((item, index) => jsonOf(item, `${path}[${index}]`, inside) ?? null);
    }
    if (isPlain(value)) {
      const members: Record<string, Json> = Object.create(null);
      for (const [key, member] of Object.entries(value)) {
        if (key === 'handler' && /^services\[\d+\]$/.test(path)) continue;
        const json = jsonOf(member, path === '' ? key : `${path}.${key}`, inside);
        if (json !== undefined) members[key] = json;
      }
      return members;
    }
    errors.push(`${path}: found ${nameOf(value)}, allowed is what JSON knows`);
    return null;
  };

  if (!isPlain(given)) {
    throw new ConfigurationError([`the configuration: found ${nameOf(given)}, needed is an object`]);
  }
  const { services } = given;
  if (Array.isArray(services)) {
    services.forEach((service: unknown, index) => {
      if (!isPlain(service) || service.handler === undefined) return;
      if (typeof service.handler === 'function')
        handlers.set(Number(service.port), service.handler as ServiceHandler);
      else errors.push(`services[${index}].handler: found ${nameOf(service.handler)}, allowed is a function`);
    });
  }
  const used = Object.fromEntries(Object.entries(given).filter(([key]) => !ofProgram.includes(key)));
  const json = jsonOf(used, '', [given]) as JsonObject;
  if (errors.length > 0) throw new ConfigurationError(errors);
  const warnings = ofProgram
    .filter((key) => given[key] !== undefined)
    .map((key) => `${key}: only the program rm-agent heeds it`);
  return { json, handlers, credentials, properties, warnings };
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm (Electron, vm) has a prototype of its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return `${value}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (Array.isArray(value)) return 'a list';
  return isPlain(value)
    ? 'an object within itself'
    : `an object of class ${value.constructor?.name || 'unknown'}`;
}
