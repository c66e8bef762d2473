import { STATUS_CODES } from 'node:http';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { framesBody, responseFields } from '../../http/headers.ts';
import { withinItsHost } from '../../isolation/device-cookies.ts';

/**
 * An interim response (RFC 9110 section 15.2) as it goes to the user, one character a byte. `node:http` would take early
 * hints apart by an expression that a device can make run for ever, and not write what it does not know.
 */
export function interimResponse({ status, reason, headers }: ResponseHead, shared: boolean): string {
  let text = `HTTP/1.1 ${status} ${reason || (STATUS_CODES[status] ?? '')}\r\n`;
  const lines = withinItsHost(responseFields(headers, status), shared);
  for (let i = 0; i + 1 < lines.length; i += 2) {
    if (!framesBody(lines[i] ?? '')) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}
