import { HeaderFields } from 'rm-protocol';

/**
 * Header lines as `node:http` takes them: names and values in turn, in their order and their spelling.
 * Everything here works on this form, so that repeated lines and their order survive.
 */
export type RawHeaders = readonly string[];

/** For one connection only (RFC 9110 section 7.6.1); `Upgrade` is handled separately. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * What proxies say about the user. We replace it by what we know. `Proxy` is dropped, too: CGI turns it into `HTTP_PROXY`,
 * and programs would use that as their proxy (CVE-2016-5385).
 */
const forwarding = new Set([
  'forwarded',
  'proxy',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
]);

function isForwarding(lower: string): boolean {
  return forwarding.has(lower) || lower.startsWith('x-forwarded-');
}

const none: readonly string[] = [];

/** All values of a header. `name` in lower case. */
export function valuesOf(headers: RawHeaders, name: string): readonly string[] {
  // Asked many times for each request, and most times there is none: nothing is allocated before there is one.
  let values: string[] | null = null;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isNamed(headers[i], name)) continue;
    const value = headers[i + 1] ?? '';
    if (values) values.push(value);
    else values = [value];
  }
  return values ?? none;
}

function isNamed(header: string | undefined, name: string): boolean {
  return header?.length === name.length && (header === name || header.toLowerCase() === name);
}

/** The same, as `rm-protocol` reads them. */
export function fieldsOf(headers: RawHeaders): HeaderFields {
  return new HeaderFields(pairsOf(headers));
}

function pairsOf(headers: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i] ?? '', headers[i + 1] ?? '']);
  return pairs;
}

/** Names that `Connection` declares to be of this connection, in lower case; `null`: none. */
function connectionOptions(headers: RawHeaders): readonly string[] | ReadonlySet<string> | null {
  const values = valuesOf(headers, 'connection');
  if (values.length === 0) return null;
  const options = values.length === 1 ? values[0] : values.join(',');
  const names = (options ?? '').toLowerCase().split(',').map(trimmed);
  // Of many, each line of the head must not look at all.
  return names.length > 8 ? new Set(names) : names;
}

function declares(options: ReturnType<typeof connectionOptions>, lower: string): boolean {
  return options instanceof Set ? options.has(lower) : Array.isArray(options) && options.includes(lower);
}

function trimmed(text: string): string {
  return text.trim();
}

/**
 * The lines that are passed on. Framing is ours: no `Connection` header removes a framing field, and lengths are written in
 * canonical form.
 */
function endToEnd(headers: RawHeaders, drop: (lower: string) => boolean): string[] {
  const options = connectionOptions(headers);
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || drop(lower)) continue;
    if (lower === 'content-length') kept.push(name, String(Number(value)));
    else if (!declares(options, lower)) kept.push(name, value);
  }
  return kept;
}

/** CGI and WSGI make the same variable of `X-Real-IP` and `X_Real_IP`, so both must be dropped. */
function spelledForCgi(lower: string): string {
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

export interface RequestFraming {
  /** `none` for a request without a body. */
  readonly body: 'none' | 'length' | 'chunked';
  /** The protocol of an upgrade that is passed on. */
  readonly upgrade?: string;
}

/** How a request's body is delimited. Ambiguous requests have been refused (`request-rules.ts`). */
export function framingOf(headers: RawHeaders): RequestFraming['body'] {
  if (valuesOf(headers, 'transfer-encoding').length > 0) return 'chunked';
  return valuesOf(headers, 'content-length').some((value) => Number(value) > 0) ? 'length' : 'none';
}

/** Fields that say where a request goes and where it ends. */
const framingFields = new Set(['content-length', 'host', 'transfer-encoding']);

/**
 * Credentials for the reflector, which the device must not see. `Authorization` that is meant for the device is added again
 * (`isolation/device-credentials.ts`).
 */
const forReflector = new Set(['authorization', 'x-ptth-authorization']);

/** What only the reflector says to a device: who asks. */
const fromReflector = new Set(['x-rm-visitor']);

/** Whether this field says where a message ends. */
export function framesBody(name: string): boolean {
  return framingFields.has(name.toLowerCase());
}

/** The lines of a request that are passed on: no credentials for the reflector, nothing that proxies have added. */
export function requestFields(headers: RawHeaders): string[] {
  return endToEnd(headers, isKeptFromDevice);
}

function isKeptFromDevice(lower: string): boolean {
  const meant = spelledForCgi(lower);
  if (forReflector.has(meant) || fromReflector.has(meant) || isForwarding(meant)) return true;
  return meant !== lower && (framingFields.has(meant) || hopByHop.has(meant));
}

/** What the reflector itself tells programs, who believe it: a device must not speak in its place. */
const ofReflector = new Set(['x-authenticate', 'x-ptth-error']);

/** The lines of a device's response that are passed on. */
export function responseFields(headers: RawHeaders, status = 200): string[] {
  // There is no content with 204, and no length of it (RFC 9110 section 8.6).
  return endToEnd(headers, status === 204 ? isOursOrLength : isOurs);
}

function isOurs(lower: string): boolean {
  return ofReflector.has(lower);
}

function isOursOrLength(lower: string): boolean {
  return lower === 'content-length' || ofReflector.has(lower);
}

/** Fields that must come before the content. */
const neverTrailers = new Set([
  ...framingFields,
  ...forReflector,
  ...fromReflector,
  ...ofReflector,
  'age',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'warning',
  'www-authenticate',
]);

/** Trailer fields as pairs, without those that must not be trailers (RFC 9110 section 6.5.1). */
export function trailerFields(trailers: RawHeaders): [string, string][] {
  const fields: [string, string][] = [];
  for (const [name, value] of pairsOf(trailers)) {
    const meant = spelledForCgi(name.toLowerCase());
    if (hopByHop.has(meant) || neverTrailers.has(meant) || isForwarding(meant) || meant.startsWith('if-'))
      continue;
    fields.push([name, value]);
  }
  return fields;
}
