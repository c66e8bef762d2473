import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

/**
 * The content of every download: blocks of 64 KiB that look random, so that no compression hides a fault, each with
 * its own number in front, so that a block that is lost or comes twice is seen. Any part of it can be made at once.
 */
const blockBytes = 65_536;

const template = (() => {
  const block = Buffer.alloc(blockBytes);
  // xorshift32 (Marsaglia 2003)
  let state = 0x9e3779b9;
  for (let at = 0; at < blockBytes; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block.writeInt32LE(state | 0, at);
  }
  return block;
})();

/** The bytes from `start` to `end` (exclusive), in pieces of at most 64 KiB. */
export function* pattern(start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end; ) {
    const number = Math.floor(at / blockBytes);
    const offset = at % blockBytes;
    const block = Buffer.from(template);
    block.writeBigUInt64BE(BigInt(number), 0);
    const piece = block.subarray(offset, Math.min(blockBytes, offset + end - at));
    yield piece;
    at += piece.length;
  }
}

/** Sizes whose digest is kept. */
const maxKept = 32;
const kept = new Map<number, Promise<string>>();

/** The SHA-256 of the first `bytes` bytes, in hexadecimal; worked out once, in slices that let the device go on. */
export function patternSha256(bytes: number): Promise<string> {
  let digest = kept.get(bytes);
  if (digest === undefined) {
    digest = computeSha256(bytes);
    kept.set(bytes, digest);
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
  }
  return digest;
}

async function computeSha256(bytes: number): Promise<string> {
  const hash = createHash('sha256');
  let pieces = 0;
  for (const piece of pattern(0, bytes)) {
    hash.update(piece);
    // 16 pieces are a millisecond of work.
    if (++pieces % 16 === 0) await setImmediate();
  }
  return hash.digest('hex');
}
