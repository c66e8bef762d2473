import { randomFillSync } from 'node:crypto';
import { MAX_HEADER_BYTES, writeClientHeader } from 'rm-protocol';

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
  const head = Buffer.allocUnsafe(MAX_HEADER_BYTES);
  const headBytes = writeClientHeader(head, 0, opcode, payload.length, key);
  // The payload starts at a multiple of four, so that whole words can be masked, eight times as fast as bytes.
  const start = (headBytes + 3) & ~3;
  const words = Math.ceil(payload.length / 4);
  const store = new ArrayBuffer(start + words * 4);
  const frame = Buffer.from(store, start - headBytes, headBytes + payload.length);
  frame.set(head.subarray(0, headBytes));
  new Uint8Array(store, start, payload.length).set(payload);
  const view = new Int32Array(store, start, words);
  const mask = new Int32Array(Uint8Array.from(key).buffer)[0] ?? 0;
  for (let i = 0; i < words; i++) view[i] = (view[i] ?? 0) ^ mask;
  return frame;
}
