import { createHash, randomFillSync } from 'node:crypto';
import type { Crypto } from '../src/host.ts';

const hashNames = { 'sha-1': 'sha1', 'sha-256': 'sha256', md5: 'md5' } as const;

/** XORs byte by byte, from index `i` of the masked stream on. */
function maskBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  key: Uint8Array,
  phase: number,
): void {
  for (let i = start; i < end; i++) target[at++] = (source[i] ?? 0) ^ (key[phase++ & 3] ?? 0);
}

export const crypto: Crypto = {
  random: (bytes) => {
    randomFillSync(bytes);
  },

  digest: (algorithm, data) => createHash(hashNames[algorithm]).update(data).digest(),

  /** Four bytes at a time where both arrays can be seen as words: the source is copied to a word border first. */
  mask(source, start, end, target, at, key, phase) {
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
  },
};
