import type { ServiceSettings } from '../../devices/service-settings.ts';
import { type RawHeaders, type RequestFraming, requestFields, valuesOf } from '../../http/headers.ts';
import type { Origin } from '../../http/origin.ts';
import { withoutOurCookies } from '../../isolation/device-cookies.ts';
import type { DeviceExchange } from './exchange.ts';
import { asService } from './service-head.ts';

/** Methods whose request must say so when it has no body (RFC 9110 section 8.6). */
const bodyExpected = new Set(['POST', 'PUT', 'PATCH']);

/** The head of a request for the service: without what was meant for the reflector, and with the user's address. */
export function requestHeaders(
  headers: RawHeaders,
  method: string,
  framing: RequestFraming,
  origin: Origin,
  settings: ServiceSettings,
): string[] {
  const result = asService(requestFields(headers), origin, settings);
  const trailers = valuesOf(headers, 'te').some((value) => /(^|[,\s])trailers([,;\s]|$)/i.test(value));
  const connection: string[] = [];
  if (trailers) {
    result.push('TE', 'trailers');
    connection.push('TE');
  }
  if (framing.body === 'chunked') result.push('Transfer-Encoding', 'chunked');
  if (
    framing.body === 'none' &&
    bodyExpected.has(method) &&
    valuesOf(headers, 'content-length').length === 0
  ) {
    result.push('Content-Length', '0');
  }
  if (framing.upgrade !== undefined) {
    result.push('Upgrade', framing.upgrade);
    connection.push('Upgrade');
  }
  if (settings.forwarded && settings.headers === 'all') {
    result.push('X-Forwarded-For', origin.forwardedFor);
    result.push('X-Forwarded-Proto', origin.protocol);
    result.push('X-Forwarded-Host', origin.authority);
  }
  if (connection.length > 0) result.push('Connection', connection.join(', '));
  return result;
}

/** The head that the device gets. Nothing in it gives access to the reflector. */
export function deviceRequestHead(
  {
    request,
    origin,
    authorization,
    visitor,
    settings,
  }: Pick<DeviceExchange, 'request' | 'origin' | 'authorization' | 'visitor' | 'settings'>,
  framing: RequestFraming,
): string[] {
  const head = withoutOurCookies(
    requestHeaders(request.rawHeaders, request.method ?? 'GET', framing, origin, settings),
  );
  if (authorization !== null) head.push('Authorization', authorization);
  if (visitor !== null) head.push('X-RM-Visitor', visitor);
  return head;
}
