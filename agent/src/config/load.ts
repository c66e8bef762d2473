import { utf8DecodeStrict } from 'rm-protocol';
import type { HostFailure } from '../host.ts';
import { type Configuration, configurationSchema, type ProxyEntry, type Service } from './configuration.ts';
import { expansion } from './expand.ts';
import { type Json, JsonSyntaxError, parseJson, positionAt } from './json.ts';
import type { Machine } from './machine.ts';
import { inspectNamedFiles, missingDirectories, writable } from './named-files.ts';
import { proxiesOf, reflectorsOf, secretsOf } from './parts.ts';
import { secretVariables } from './proxy-variables.ts';
import { limitsOn, readMemory } from './sizing.ts';
import { type Problem, validate } from './validate.ts';
import { placeWrittenFiles, stateDirectoryFault } from './written-files.ts';

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** Ten times the longest configuration with all keys; bounds what a wrong path (a disk image) costs in memory. */
export const maxFileBytes = 262_144;

/** A configuration, with remarks for the user, one line each. */
export interface Valid {
  readonly ok: Configuration;
  readonly warnings: readonly string[];
  /** Those of the warnings that concern files without which no attempt can succeed. */
  readonly missing: readonly string[];
  /** Environment variables that hold secrets. */
  readonly hidden: readonly string[];
  /** Which hardware address each variable has become, one line each. */
  readonly identity: readonly string[];
}

/** Every reason why there is no configuration, one line each. */
export interface Invalid {
  readonly errors: readonly string[];
  /** All of them concern the machine, and may vanish without an edit of the file. */
  readonly transient?: boolean;
}

export type Loaded = Valid | Invalid;

/**
 * Reads and validates the file at `path`. Each line starts with `<path>:<line>:<column>: `, as compilers write it.
 * `image`: the machine is an image (`imageAt`). What only the device will have is a warning then.
 */
export function load(host: Machine, path: string, image = false): Loaded {
  const fault = stateDirectoryFault(host);
  if (fault !== null) return { errors: [fault] };
  let bytes: Uint8Array;
  try {
    bytes = host.files.read(path, maxFileBytes);
  } catch (error) {
    return { errors: [`${path}: cannot be read: ${(error as HostFailure).message}`] };
  }
  const text = utf8DecodeStrict(bytes);
  if (text === null) return { errors: [`${path}: is not UTF-8 text`] };

  const offsets = new Map<string, number>();
  const place = (offset: number): string => {
    const { line, column } = positionAt(text, offset);
    return `${path}:${line}:${column}: `;
  };
  const line = (problem: Problem): string => place(offsetOf(problem.path, offsets)) + lineOf(problem);
  let json: Json;
  try {
    json = parseJson(text, (at, offset) => offsets.set(at, offset));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { errors: [place(error.offset) + error.message] };
  }
  const result = judge(host, json, image);
  if ('problems' in result) return invalid(result.problems, line);
  const missing = result.missing.map(line);
  const warnings = [...missing, ...result.warnings.map(line)];
  if (holdsPassword(result.ok) && ((host.files.stat(path)?.mode ?? 0) & 0o004) !== 0) {
    warnings.push(`${path}: holds a password and can be read by every user; set its mode to 600`);
  }
  const ok = placeWrittenFiles(host, result.ok);
  // The directory of the socket is made when the device starts.
  const written = image ? { ...ok, control: null } : ok;
  warnings.push(...missingDirectories(host, written).map(line), ...writable(host, '', path).map(lineOf));
  return { ...result, ok, warnings, missing };
}

/** As {@link load}, for a configuration that is in memory. */
export function configure(host: Machine, json: Json, image = false): Loaded {
  const result = judge(host, json, image);
  if ('problems' in result) return invalid(result.problems, lineOf);
  const missing = result.missing.map(lineOf);
  return { ...result, warnings: [...missing, ...result.warnings.map(lineOf)], missing };
}

function invalid(problems: readonly Problem[], line: (problem: Problem) => string): Invalid {
  const errors = problems.map(line);
  return problems.every(({ transient }) => transient) ? { errors, transient: true } : { errors };
}

function judge(
  host: Machine,
  json: Json,
  image = false,
):
  | (Omit<Valid, 'warnings' | 'missing'> & {
      readonly warnings: readonly Problem[];
      readonly missing: readonly Problem[];
    })
  | { readonly problems: readonly Problem[] } {
  const hidden: string[] = [];
  const identity = new Set<string>();
  const expand = expansion(host, {
    hide: (name) => hidden.push(name),
    identified: (line) => identity.add(line),
  });
  let result = validate(configurationSchema, json, expand);
  const warnings: Problem[] = [];
  if (image && 'problems' in result && result.problems.every(({ transient }) => transient)) {
    warnings.push(...result.problems);
    result = validate(configurationSchema, json, withPlaceholders);
  }
  if ('problems' in result) return result;
  const { problems, missing, warnings: found } = inspectNamedFiles(host, result.value);
  if (problems.length > 0) return { problems };
  warnings.push(...found);
  advise(result.value, warnings);
  for (const [, secret] of secretsOf(result.value)) {
    if (typeof secret === 'object' && 'env' in secret) hidden.push(secret.env);
  }
  if (proxiesOf(result.value).some(([, entry]) => entry === 'env'))
    hidden.push(...secretVariables(host.system));
  // It has been validated.
  const { limits: given } = json as { readonly limits?: object };
  const limits = limitsOn(readMemory(host.files), result.value.limits, given ?? {});
  return { ok: { ...result.value, limits }, warnings, missing, hidden, identity: [...identity] };
}

/** Expands variables of which nobody knows yet what they hold. */
export function withPlaceholders(text: string): string {
  return text.replace(/\$\{[^}]*\}/g, '0');
}

/** What is wrong with a configuration, whatever its variables hold. */
export function problemsOf(json: Json): readonly Problem[] {
  const result = validate(configurationSchema, json, withPlaceholders);
  return 'problems' in result ? result.problems : [];
}

function lineOf({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`;
}

/** A key that is missing stands where the object is that lacks it. */
function offsetOf(path: string, offsets: ReadonlyMap<string, number>): number {
  for (let at = path; at !== ''; at = at.replace(/(?:^|\.)[^.[\]]*$|\[[^[\]]*\]$/, '')) {
    const offset = offsets.get(at);
    if (offset !== undefined) return offset;
  }
  return offsets.get('') ?? 0;
}

function holdsPassword(configuration: Configuration): boolean {
  const inUri = ([, entry]: readonly [string, ProxyEntry]) =>
    typeof entry === 'string' && /:[^@/]+@/.test(entry);
  return (
    secretsOf(configuration).some(([, secret]) => typeof secret === 'string' && secret !== '') ||
    proxiesOf(configuration).some(inUri)
  );
}

/** What is allowed, and probably not what was meant. */
function advise(configuration: Configuration, warnings: Problem[]): void {
  const { device, services, tls } = configuration;
  if (!tls.verify && reflectorsOf(configuration).some((uri) => uri.startsWith('https:'))) {
    warnings.push({
      path: 'tls.verify',
      message: 'false: anybody on the way can pose as the reflector and take over the device',
    });
  }
  if (typeof device.id === 'string' && !/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(device.id)) {
    warnings.push({
      path: 'device.id',
      message: `"${device.id}" cannot be part of a host name (letters, digits and "-", at most 63), by which browsers reach the device`,
    });
  }
  if (typeof RM_GATEWAY === 'undefined' || RM_GATEWAY)
    for (const [index, { tls: own }] of services.entries())
      if (own && own.minVersion < '1.2')
        warnings.push({
          path: `services[${index}].tls.minVersion`,
          message: `TLS ${own.minVersion} is broken (RFC 8996): who is in the network between may read and change what is sent to this service`,
        });
  const announced = new Map<string, Service>();
  // Several hosts with a web server each are meant; two web servers of one host may be a surprise.
  const seen = new Set<string>();
  services.forEach((service, index) => {
    const { kind, port, target } = service;
    const slot = kind === 'https' ? 'http' : kind;
    const first = announced.get(slot);
    const place = `${slot} ${target ?? ''}`;
    if (first === undefined) announced.set(slot, service);
    else if (slot !== 'tcp' && seen.has(place)) {
      warnings.push({
        path: `services[${index}]`,
        message: `port ${port} can be reached, but the reflector is told of one ${slot} service only, that on port ${first.port}`,
      });
    }
    seen.add(place);
  });
}
