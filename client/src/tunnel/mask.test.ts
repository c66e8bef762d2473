import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientFrame } from './mask.ts';

/** The payload of a masked frame (RFC 6455 sections 5.2 and 5.3), byte by byte. */
function unmask(frame: Buffer): { opcode: number; payload: Buffer; key: string } {
  const short = (frame[1] ?? 0) & 0x7f;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  const length =
    short < 126 ? short : short === 126 ? frame.readUInt16BE(2) : Number(frame.readBigUInt64BE(2));
  const key = frame.subarray(at, at + 4);
  const payload = Buffer.from(frame.subarray(at + 4).map((byte, i) => byte ^ (key[i & 3] ?? 0)));
  expect([(frame[0] ?? 0) & 0xf0, (frame[1] ?? 0) & 0x80, payload.length]).toEqual([0x80, 0x80, length]);
  return { opcode: (frame[0] ?? 0) & 15, payload, key: key.toString('hex') };
}

test.each([0, 1, 3, 4, 5, 125, 126, 127, 65535, 65536, 70_001])('a frame of %i bytes', (length) => {
  const payload = Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 255));
  const read = unmask(clientFrame(2, payload));
  expect(read.opcode).toBe(2);
  expect(read.payload.equals(payload)).toBe(true);
});

test('any bytes, from any place in their memory, which stays as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(7), (bytes, offset) => {
      const memory = Buffer.concat([Buffer.alloc(offset), bytes]);
      const payload = memory.subarray(offset);
      expect(unmask(clientFrame(9, payload)).payload.equals(bytes)).toBe(true);
      expect(payload.equals(bytes)).toBe(true);
    }),
  );
});

test('each frame has a key of its own', () => {
  const keys = Array.from({ length: 3000 }, () => unmask(clientFrame(2, Buffer.alloc(1))).key);
  // Two of 3,000 random keys of 32 bits are alike once in a thousand runs; three pairs never.
  expect(new Set(keys).size).toBeGreaterThan(2997);
});
