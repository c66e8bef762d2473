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

function* lines(headers: RawHeaders): Generator<[name: string, value: string, lower: string]> {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    yield [name, headers[i + 1] ?? '', name.toLowerCase()];
  }
}

/** All values of a header. `name` in lower case. */
export function valuesOf(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (const [, value, lower] of lines(headers)) if (lower === name) values.push(value);
  return values;
}

/** The same, as `rm-protocol` reads them. */
export function fieldsOf(headers: RawHeaders): HeaderFields {
  return new HeaderFields(Array.from(lines(headers), ([name, value]) => [name, value]));
}

/** Names that `Connection` declares to be of this connection, in lower case. */
function connectionOptions(headers: RawHeaders): Set<string> {
  const options = valuesOf(headers, 'connection').flatMap((value) => value.split(','));
  return new Set(options.map((option) => option.trim().toLowerCase()));
}

/**
 * The lines that are passed on. Framing is ours: no `Connection` header removes a framing field, and lengths are written in
 * canonical form.
 */
function endToEnd(headers: RawHeaders, drop: (lower: string) => boolean): string[] {
  const options = connectionOptions(headers);
  const kept: string[] = [];
  for (const [name, value, lower] of lines(headers)) {
    if (hopByHop.has(lower) || drop(lower)) continue;
    if (lower === 'content-length') kept.push(name, String(Number(value)));
    else if (!options.has(lower)) kept.push(name, value);
  }
  return kept;
}

/** CGI and WSGI make the same variable of `X-Real-IP` and `X_Real_IP`, so both must be dropped. */
function spelledForCgi(lower: string): string {
  return lower.replaceAll('_', '-');
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

/** Whether this field says where a message ends. */
export function framesBody(name: string): boolean {
  return framingFields.has(name.toLowerCase());
}

/** The lines of a request that are passed on: no credentials for the reflector, nothing that proxies have added. */
export function requestFields(headers: RawHeaders): string[] {
  return endToEnd(headers, (lower) => {
    const meant = spelledForCgi(lower);
    if (forReflector.has(meant) || isForwarding(meant)) return true;
    return meant !== lower && (framingFields.has(meant) || hopByHop.has(meant));
  });
}

/** What the reflector itself tells programs, who believe it: a device must not speak in its place. */
const ofReflector = new Set(['x-authenticate', 'x-ptth-error']);

/** The lines of a device's response that are passed on. */
export function responseFields(headers: RawHeaders, status = 200): string[] {
  // There is no content with 204, and no length of it (RFC 9110 section 8.6).
  return endToEnd(
    headers,
    (lower) => ofReflector.has(lower) || (status === 204 && lower === 'content-length'),
  );
}

/** Fields that must come before the content. */
const neverTrailers = new Set([
  ...framingFields,
  ...forReflector,
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
  for (const [name, value, lower] of lines(trailers)) {
    const meant = spelledForCgi(lower);
    if (hopByHop.has(meant) || neverTrailers.has(meant) || isForwarding(meant) || meant.startsWith('if-'))
      continue;
    fields.push([name, value]);
  }
  return fields;
}
