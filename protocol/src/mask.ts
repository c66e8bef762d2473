/**
 * WebSocket masking (RFC 6455 section 5.3): writes `source[start..end)` to `target` from `at` on, each byte XORed with
 * `key[(i + phase) & 3]`, where `i` counts from 0 at `start`. `source` and `target` may be the same array when `at === start`.
 * `key` has 4 bytes.
 */
export type Mask = (
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  key: Uint8Array,
  phase: number,
) => void;

/** Byte by byte. */
const maskBytes: Mask = (source, start, end, target, at, key, phase) => {
  for (let i = start; i < end; i++) target[at++] = (source[i] ?? 0) ^ (key[phase++ & 3] ?? 0);
};

/** For engines that compile: four bytes at a time, at the places that are words of the target's memory. */
export const maskWords: Mask = (source, start, end, target, at, key, phase) => {
  const length = end - start;
  if (length < 64) {
    maskBytes(source, start, end, target, at, key, phase);
    return;
  }
  // Copying is cheap beside an XOR of single bytes, and makes the alignment of the source irrelevant.
  if (source !== target || start !== at) target.set(source.subarray(start, end), at);
  const address = target.byteOffset + at;
  const before = (4 - (address & 3)) & 3;
  maskBytes(target, at, at + before, target, at, key, phase);
  const first = phase + before;
  const wordKey = new Uint8Array(4);
  for (let i = 0; i < 4; i++) wordKey[i] = key[(first + i) & 3] ?? 0;
  const word = new Int32Array(wordKey.buffer)[0] ?? 0;
  const count = (length - before) >> 2;
  const words = new Int32Array(target.buffer, address + before, count);
  for (let i = 0; i < count; i++) words[i] = (words[i] ?? 0) ^ word;
  const done = before + count * 4;
  maskBytes(target, at + done, at + length, target, at + done, key, phase + done);
};
