import { STATUS_CODES } from 'node:http';

/** Status and sentence for the errors of `node:http`'s parser; everything else is a 400. */
const known: Readonly<Record<string, readonly [status: number, error: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come in time'],
  // Browsers encode what a person types; curl and scripts send it as it is (RFC 3986 section 2.1, RFC 9112 section 3.2).
  HPE_INVALID_URL: [400, 'The request target is not valid: characters beyond ASCII must be percent-encoded'],
  // It knows the methods of HTTP, WebDAV and UPnP, in capitals, and no others.
  HPE_INVALID_METHOD: [400, 'The request begins with no method that is known here'],
  HPE_HEADER_OVERFLOW: [431, 'The head of the request is too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too large'],
};

/** The complete response to bytes that are not a request. The connection ends with it. */
export function plainRefusal(code: string): string {
  const [status, error] = known[code] ?? [400, 'This is not a valid HTTP/1.1 request'];
  const body = `${error}\n`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    `X-PTTH-Error: ${error}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
