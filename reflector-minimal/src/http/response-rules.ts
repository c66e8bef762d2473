import type { IncomingMessage } from 'node:http';
import type { Limits } from '../limits.ts';
import { valuesOf } from './headers.ts';

/**
 * Why the head of a device's response cannot be passed on, or `null`. `node:http` has refused what its strict parser does
 * not take; what is left here would be read by the user in another way than by us.
 */
export function responseViolation(response: IncomingMessage, limits: Limits): string | null {
  const { httpVersion, rawHeaders, statusCode = 0, statusMessage = '' } = response;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return `HTTP/${httpVersion}`;
  if (rawHeaders.length / 2 > limits.headLines) return 'too many header lines';
  if (statusCode < 200 || statusCode > 999) return `status ${statusCode}`;
  if (!isFieldText(statusMessage)) return 'control characters in the status line';
  const codings = valuesOf(rawHeaders, 'transfer-encoding');
  // The body is cut into chunks anew: another coding would be lost, and the user would see coded bytes as the content.
  if (codings.length > 1 || (codings[0] ?? 'chunked').toLowerCase() !== 'chunked') return 'transfer coding';
  if (codings.length > 0 && httpVersion === '1.0') return 'transfer coding in HTTP/1.0';
  const lengths = valuesOf(rawHeaders, 'content-length');
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0] ?? '0')) return 'Content-Length';
  if (codings.length > 0 && lengths.length > 0) return 'Transfer-Encoding and Content-Length';
  for (let i = 1; i < rawHeaders.length; i += 2) {
    if (!isFieldText(rawHeaders[i] ?? '')) return `control characters in ${rawHeaders[i - 1]}`;
  }
  return null;
}

/** What may stand in a field value or a reason phrase (RFC 9110 section 5.5), bytes above 127 included. */
export function isFieldText(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
