import { Buffer } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { FrameError, FrameReader, type FrameReaderOptions } from './frame-reader.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const bounds = { messageBytes: 70_000, messageFragments: 4, messageReads: 1_000 };

/** A masked frame; `second` replaces the length in the second byte. */
function frame(first: number, payload: Buffer, key = [0x11, 0x22, 0x33, 0x44], second?: number): Buffer {
  const { length } = payload;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeUInt32BE(length, 4);
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const masked = payload.map((byte, i) => byte ^ (key[i & 3] ?? 0));
  return Buffer.concat([Buffer.from([first, second ?? 0x80 | short]), extended, Buffer.from(key), masked]);
}

/** What a reader says of these bytes, in reads of `size`. */
function read(bytes: Buffer, options: Partial<FrameReaderOptions> = {}, size = bytes.length): string[] {
  const said: string[] = [];
  const reader = new FrameReader(
    {
      message: (data, isBinary, isLast) =>
        said.push(`${isBinary ? 'binary' : 'text'} ${data}${isLast ? '' : '…'}`),
      ping: (payload) => said.push(`ping ${payload}`),
      pong: () => said.push('pong'),
      close: (code, reason) => said.push(`close ${code} ${reason}`),
    },
    { ...bounds, pieces: false, ...options },
  );
  try {
    for (let at = 0; at < bytes.length; at += size) reader.push(Buffer.from(bytes.subarray(at, at + size)));
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    said.push(`error ${error.closeCode} ${error.message}`);
    reader.push(frame(0x82, Buffer.from('later')));
  }
  return said;
}

const text = (value: string) => Buffer.from(value);
const code = (value: number, ...reason: number[]) => Buffer.from([value >> 8, value & 255, ...reason]);

describe.each([1, 2, 3, 5, 7, 64, 1_000_000])('in reads of %i bytes', (size) => {
  test.each([0, 1, 3, 4, 5, 31, 32, 33, 125, 126, 127, 900])(
    'a payload of %i bytes is unmasked',
    (length) => {
      const payload = Buffer.from(Array.from({ length }, (_, i) => 97 + (i % 26)));
      const stream = Buffer.concat([frame(0x82, payload), frame(0x81, text('after'))]);
      expect(read(stream, {}, size)).toEqual([`binary ${payload}`, 'text after']);
      const pieces = read(stream, { pieces: true }, size);
      expect(pieces.at(-1)).toBe('text after');
      expect(pieces.slice(0, -1).every((piece, i, all) => piece.endsWith('…') === i < all.length - 1)).toBe(
        true,
      );
      expect(pieces.slice(0, -1).join('').replaceAll('binary ', '').replaceAll('…', '')).toBe(
        String(payload),
      );
    },
  );

  test('fragments are one message, and control frames come between them', () => {
    const stream = Buffer.concat([
      frame(0x02, text('one ')),
      frame(0x89, text('?')),
      frame(0x00, text('two')),
      frame(0x8a, text('')),
      frame(0x80, text('')),
      frame(0x88, code(1001, 98, 121, 101)),
      frame(0x82, text('after the close frame')),
    ]);
    expect(read(stream, {}, size)).toEqual(['ping ?', 'pong', 'binary one two', 'close 1001 bye']);
    const pieces = read(stream, { pieces: true }, size);
    expect(pieces.filter((said) => !said.startsWith('binary'))).toEqual(['ping ?', 'pong', 'close 1001 bye']);
    expect(pieces.filter((said) => said === 'binary ')).toHaveLength(1);
  });
});

test('65,536 bytes and more have a length of eight bytes', () => {
  const payload = Buffer.alloc(66_000, 'x');
  expect(read(frame(0x82, payload))).toEqual([`binary ${payload}`]);
});

test('an empty message is one empty piece', () => {
  expect(read(frame(0x82, text('')), { pieces: true })).toEqual(['binary ']);
});

test('a close frame may carry nothing', () => {
  expect(read(frame(0x88, text('')))).toEqual(['close 1005 ']);
});

test('a key of zeros leaves the payload as it is', () => {
  expect(read(frame(0x82, text('plain'), [0, 0, 0, 0]))).toEqual(['binary plain']);
});

test.each<[string, Buffer, string]>([
  ['the first reserved bit', frame(0xc2, text('x')), '1002 reserved bit set'],
  ['the last reserved bit', frame(0x92, text('x')), '1002 reserved bit set'],
  ['an opcode of data that is reserved', frame(0x83, text('x')), '1002 reserved opcode'],
  ['an opcode of control that is reserved', frame(0x8b, text('x')), '1002 reserved opcode'],
  ['no mask', Buffer.from([0x82, 1, 120]), '1002 frame of a client without a mask'],
  ['a PING in fragments', frame(0x09, text('x')), '1002 fragmented control frame'],
  ['a PING of 126 bytes', frame(0x89, Buffer.alloc(126)), '1002 control frame too long'],
  ['a continuation of nothing', frame(0x80, text('x')), '1002 continuation without a message'],
  [
    'a message within a message',
    Buffer.concat([frame(0x02, text('x')), frame(0x82, text('y'))]),
    '1002 new message before the end of the last',
  ],
  ['text that is not UTF-8', frame(0x81, Buffer.from([0xff])), '1007 text is not UTF-8'],
  ['a close frame of one byte', frame(0x88, Buffer.from([3])), '1002 close frame of one byte'],
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map((bad): [string, Buffer, string] => [
    `close code ${bad}`,
    frame(0x88, code(bad)),
    `1002 close code ${bad}`,
  ]),
  ['a close reason that is not UTF-8', frame(0x88, code(1000, 0xff)), '1007 close reason is not UTF-8'],
  ['a message beyond its bound', frame(0x82, Buffer.alloc(70_001)), '1009 message of more than 70000 bytes'],
  [
    'a length beyond 2^32',
    Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    '1009 message of more than 70000 bytes',
  ],
])('%s ends it, and nothing is read any more', (_what, stream, error) => {
  expect(read(stream).at(-1)).toBe(`error ${error}`);
  expect(read(stream, { pieces: true }).at(-1)).toBe(`error ${error}`);
});

test('the bound is that of all fragments together', () => {
  const half = Buffer.alloc(40_000);
  const stream = Buffer.concat([frame(0x02, half), frame(0x80, half)]);
  expect(read(stream).at(-1)).toBe('error 1009 message of more than 70000 bytes');
  expect(read(Buffer.concat([frame(0x82, half), frame(0x82, half)]))).toHaveLength(2);
});

test('messageFragments: beyond so many fragments, 1008', () => {
  const fragments = (count: number) =>
    Buffer.concat([
      frame(0x02, text('')),
      ...Array.from({ length: count - 2 }, () => frame(0x00, text(''))),
      frame(0x80, text('')),
    ]);
  expect(read(fragments(4))).toEqual(['binary ']);
  expect(read(fragments(5))).toEqual(['error 1008 too many fragments']);
});

test('messageReads: a frame that comes in more reads, 1008', () => {
  const stream = frame(0x82, Buffer.alloc(100, 'x'));
  expect(read(stream, { messageReads: 200 }, 1)).toHaveLength(1);
  expect(read(stream, { messageReads: 50 }, 1)).toEqual(['error 1008 too many reads for a frame']);
  // Each frame counts anew, its head too.
  expect(read(Buffer.concat([stream, stream, stream]), { messageReads: 101 }, 1)).toHaveLength(3);
});

test.each<[string, Buffer, number]>([
  ['in many reads', frame(0x02, Buffer.alloc(100, 'x')), 1],
  [
    'at the end of a large read',
    Buffer.concat([frame(0x82, Buffer.alloc(900)), frame(0x02, text('x'))]),
    907,
  ],
])('a fragment that came %s keeps only its bytes', async (_how, stream, size) => {
  const reader = new FrameReader(
    { message: () => {}, ping: () => {}, pong: () => {}, close: () => {} },
    { ...bounds, pieces: false },
  );
  const push = (at: number) => {
    const bytes = Buffer.from(new Uint8Array(stream.subarray(at, at + size)).buffer);
    reader.push(bytes);
    return new WeakRef(bytes.buffer);
  };
  const reads = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) => push(i * size));
  await new Promise(setImmediate);
  collect();
  expect(reads.filter((each) => each.deref() !== undefined)).toHaveLength(0);
  // It goes on.
  expect(() => reader.push(frame(0x80, text('y')))).not.toThrow();
});
