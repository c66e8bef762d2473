import { randomFillSync } from 'node:crypto';
import { MAX_HEADER_BYTES, maskWords, writeClientHeader } from 'rm-protocol';

/** Masking keys for 1,024 frames: a call to the random source costs as much as masking 1 KiB. */
const keys = Buffer.alloc(4096);
let nextKey = keys.length;

function freshKey(): Buffer {
  if (nextKey === keys.length) {
    randomFillSync(keys);
    nextKey = 0;
  }
  nextKey += 4;
  return keys.subarray(nextKey - 4, nextKey);
}

/** A final frame as a client sends it: masked with a fresh, unpredictable key (RFC 6455 section 5.3). */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const key = freshKey();
  const frame = Buffer.allocUnsafe(MAX_HEADER_BYTES + payload.length);
  const at = writeClientHeader(frame, 0, opcode, payload.length, key);
  maskWords(payload, 0, payload.length, frame, at, key, 0);
  return frame.subarray(0, at + payload.length);
}
