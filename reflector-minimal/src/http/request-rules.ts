import type { IncomingMessage } from 'node:http';
import type { Limits } from '../limits.ts';
import { framingOf, type RawHeaders, valuesOf } from './headers.ts';
import { hostOf } from './host-names.ts';
import type { Refusal } from './refusal.ts';

/**
 * Fields that `Connection` may not name (RFC 9110 section 7.6.1), because dropping them would change what the request means.
 * `Connection: Content-Length` would leave a body without a length.
 */
const neverHopByHop = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'origin',
  'range',
  'referer',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'trailer',
  'transfer-encoding',
  'x-ptth-authorization',
]);

/** Fields that two readers could understand differently when they occur twice. */
const once = [
  'authorization',
  'content-length',
  'content-type',
  'host',
  'origin',
  'proxy-authorization',
  'transfer-encoding',
  'x-ptth-authorization',
];

/**
 * Why a request is not passed on, or `null`. These rules refuse what the strict parser of `node:http` still accepts, so that
 * the device can read a request in only one way: ours.
 */
export function requestViolation(
  request: IncomingMessage,
  limits: Limits,
  needsHost: (request: IncomingMessage) => boolean,
): Refusal | null {
  const { rawHeaders, httpVersion, method = '', url = '' } = request;
  const refused = wrongVersion(httpVersion) ?? tooManyLines(rawHeaders, limits);
  if (refused) return refused;
  if (method === 'TRACE') return { status: 405, error: 'TRACE is not passed on' };
  const bad =
    repeated(rawHeaders) ??
    badHost(request, needsHost) ??
    badTarget(method, url) ??
    badFraming(rawHeaders, httpVersion) ??
    badConnection(rawHeaders);
  return bad === null ? null : badRequest(bad);
}

/**
 * The same for CONNECT, whose target is an authority with a port (RFC 9112 section 3.2.3), and which has no content. `Host`
 * is optional: `nc -X connect` speaks HTTP/1.0 and sends none.
 */
export function connectViolation(request: IncomingMessage, limits: Limits): Refusal | null {
  const { rawHeaders, httpVersion, url = '' } = request;
  const bad = tooManyLines(rawHeaders, limits) ?? wrongVersion(httpVersion);
  if (bad) return bad;
  const [host] = valuesOf(rawHeaders, 'host');
  const port = Number(/:(\d{1,5})$/.exec(url)?.[1] ?? 0);
  const text =
    repeated(rawHeaders) ??
    (hostOf(url) === '' || port === 0 ? 'The target of CONNECT must be DEVICE.DOMAIN:PORT' : null) ??
    (host !== undefined && hostOf(host) === '' ? 'The Host header is not a host name' : null) ??
    (framingOf(rawHeaders) === 'none' ? null : 'CONNECT has no body');
  return text === null ? null : badRequest(text);
}

function badRequest(error: string): Refusal {
  return { status: 400, error };
}

function wrongVersion(version: string): Refusal | null {
  if (version === '1.1' || version === '1.0') return null;
  return { status: 505, error: `HTTP/${version} is not spoken here` };
}

function tooManyLines(headers: RawHeaders, limits: Limits): Refusal | null {
  if (headers.length / 2 <= limits.headLines) return null;
  return { status: 431, error: `More than ${limits.headLines} header lines` };
}

const onceBits = new Map(once.map((name, i) => [name, 1 << i]));

function repeated(headers: RawHeaders): string | null {
  let seen = 0;
  let twice = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const bit = onceBits.get((headers[i] ?? '').toLowerCase()) ?? 0;
    twice ||= (seen & bit) !== 0;
    seen |= bit;
  }
  if (!twice) return null;
  for (const name of once) if (valuesOf(headers, name).length > 1) return `More than one ${name} header`;
  return null;
}

/** HTTP/1.0 needs no `Host`. */
function badHost(request: IncomingMessage, needsHost: (request: IncomingMessage) => boolean): string | null {
  const [host] = valuesOf(request.rawHeaders, 'host');
  if (host !== undefined) return hostOf(host) === '' ? 'The Host header is not a host name' : null;
  return request.httpVersion === '1.1' && needsHost(request) ? 'HTTP/1.1 needs a Host header' : null;
}

/**
 * A target that `toOriginForm` has left in absolute form names a second host. Some servers would cut off a fragment, others
 * would not. `node:http` has refused bytes beyond ASCII (`plain-refusal.ts`).
 */
function badTarget(method: string, target: string): string | null {
  if (target === '*' && method === 'OPTIONS') return null;
  if (/^https?:\/\//i.test(target)) return 'The request target and the Host header name different hosts';
  if (!target.startsWith('/')) return 'The request target must start with /';
  return /^[\x21\x22\x24-\x7e]+$/.test(target)
    ? null
    : 'The request target has characters that must be encoded';
}

function badFraming(headers: RawHeaders, version: string): string | null {
  const [coding] = valuesOf(headers, 'transfer-encoding');
  const [length] = valuesOf(headers, 'content-length');
  if (coding !== undefined) {
    // Another coding before `chunked` would be lost, because we chunk the body again.
    if (coding.toLowerCase() !== 'chunked') return 'The only transfer coding known here is chunked';
    if (version === '1.0') return 'HTTP/1.0 has no transfer codings';
    if (length !== undefined) return 'Both Transfer-Encoding and Content-Length';
  }
  return length === undefined || /^\d{1,15}$/.test(length) ? null : 'Content-Length is not a length';
}

function badConnection(headers: RawHeaders): string | null {
  for (const value of valuesOf(headers, 'connection')) {
    for (const option of value.toLowerCase().split(',')) {
      const name = option.trim();
      if (neverHopByHop.has(name)) return `Connection names ${name}, which is of the request`;
    }
  }
  return null;
}
