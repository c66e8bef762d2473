import { UsageError } from './errors.ts';

/** WebSocket frames as a client sends them: always masked, never fragmented (RFC 6455 sections 5.2 and 5.3). */

export const WebSocketOpcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** The longest header: 2 bytes, a length of 8, a mask of 4. */
export const MAX_HEADER_BYTES = 14;

/** The longest payload of a control frame (RFC 6455 section 5.5). */
export const MAX_CONTROL_BYTES = 125;

/**
 * Writes the header of a final, masked frame for a payload of `length` bytes (0 to 2^32-1), at `at` in `target`.
 * Returns the index after it.
 */
export function writeClientHeader(
  target: Uint8Array,
  at: number,
  opcode: number,
  length: number,
  key: Uint8Array,
): number {
  target[at++] = 0x80 | opcode;
  if (length < 126) {
    target[at++] = 0x80 | length;
  } else if (length < 65536) {
    target[at++] = 0x80 | 126;
    target[at++] = length >> 8;
    target[at++] = length;
  } else {
    target[at++] = 0x80 | 127;
    target.fill(0, at, at + 4);
    at += 4;
    target[at++] = length >>> 24;
    target[at++] = length >>> 16;
    target[at++] = length >>> 8;
    target[at++] = length;
  }
  target[at++] = key[0] ?? 0;
  target[at++] = key[1] ?? 0;
  target[at++] = key[2] ?? 0;
  target[at++] = key[3] ?? 0;
  return at;
}

/** The payload of a close frame: a code and a reason of at most 123 bytes. */
export function closePayload(code: number, reason: Uint8Array = new Uint8Array()): Uint8Array {
  if (reason.length > MAX_CONTROL_BYTES - 2) throw new UsageError('close reason of more than 123 bytes');
  const payload = new Uint8Array(2 + reason.length);
  payload[0] = code >> 8;
  payload[1] = code;
  payload.set(reason, 2);
  return payload;
}

/** Whether a close frame may carry `code` (RFC 6455 section 7.4). */
export function isCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code < 5000)
  );
}
