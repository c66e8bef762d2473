import { STATUS_CODES } from 'node:http';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { framesBody, responseFields } from '../../http/headers.ts';
import { withinItsHost } from '../../isolation/device-cookies.ts';

/**
 * An interim response (RFC 9110 section 15.2) for the user; one character is one byte. `node:http` parses early hints with a
 * regular expression that a device could make run forever, and does not write unknown interim responses.
 */
export function interimResponse({ status, reason, headers }: ResponseHead, shared: boolean): string {
  let text = `HTTP/1.1 ${status} ${reason || (STATUS_CODES[status] ?? '')}\r\n`;
  const lines = withinItsHost(responseFields(headers, status), shared);
  for (let i = 0; i + 1 < lines.length; i += 2) {
    if (!framesBody(lines[i] ?? '')) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}
