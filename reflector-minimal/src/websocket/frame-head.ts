/** Opcode, length and its extension (RFC 6455 section 5.2); a server does not mask. */
export const MAX_HEAD_BYTES = 10;

/**
 * Writes the head of a final, unmasked frame for a payload of `length` bytes (0 to 2^32-1), at `at` in `target`. Returns the index
 * after it.
 */
export function writeHead(target: Buffer, at: number, opcode: number, length: number): number {
  target[at++] = 0x80 | opcode;
  if (length < 126) {
    target[at++] = length;
    return at;
  }
  if (length < 65536) {
    target[at++] = 126;
    return target.writeUInt16BE(length, at);
  }
  target[at++] = 127;
  return target.writeUInt32BE(length, target.writeUInt32BE(0, at));
}
