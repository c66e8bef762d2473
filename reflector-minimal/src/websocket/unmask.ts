import bufferUtil from 'bufferutil';

/** Up to so many bytes, a loop takes less than a call of native code. */
const shortBytes = 32;

/**
 * Unmasks the next bytes of a frame in place (RFC 6455 section 5.3), and turns `key` to where the bytes after them begin.
 * `key` has 4 bytes.
 */
export function unmask(bytes: Buffer, key: Uint8Array): void {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  if ((a | b | c | d) === 0) return;
  const { length } = bytes;
  if (length < shortBytes) {
    for (let i = 0; i < length; i++) bytes[i] = (bytes[i] ?? 0) ^ (key[i & 3] ?? 0);
  } else {
    bufferUtil.unmask(bytes, key);
  }
  const turned = length & 3;
  if (turned === 1) key.set([b, c, d, a]);
  else if (turned === 2) key.set([c, d, a, b]);
  else if (turned === 3) key.set([d, a, b, c]);
}
