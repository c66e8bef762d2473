import { describe, expect, it } from 'vitest';
import { UsageError } from './errors.ts';
import { concat, hex } from './testing/bytes.ts';
import { clientFrame } from './testing/client-frame.ts';
import { hexEncode, utf8Encode } from './text.ts';
import { closePayload, MAX_HEADER_BYTES, WebSocketOpcode, writeClientHeader } from './websocket-frame.ts';

const key = hex('37 fa 21 3d');

describe('client frames', () => {
  it('are masked as in RFC 6455 section 5.7', () => {
    const frame = clientFrame(WebSocketOpcode.text, utf8Encode('Hello'));
    expect(hexEncode(frame)).toBe('818537fa213d7f9f4d5158');
  });

  it.each([
    [0, '82 80'],
    [125, '82 fd'],
    [126, '82 fe 007e'],
    [65_535, '82 fe ffff'],
    [65_536, '82 ff 0000000000010000'],
    [0xffffffff, '82 ff 00000000ffffffff'],
  ])('of %i bytes have the shortest length form', (length, header) => {
    const target = new Uint8Array(MAX_HEADER_BYTES + 1).fill(0xee);
    const end = writeClientHeader(target, 1, WebSocketOpcode.binary, length, key);
    expect(hexEncode(target.subarray(1, end))).toBe(hexEncode(concat(hex(header), key)));
    expect(target[0]).toBe(0xee);
  });

  it('close with a reason of at most 123 bytes', () => {
    expect(hexEncode(closePayload(1001, utf8Encode('bye')))).toBe('03e9627965');
    expect(closePayload(1000, new Uint8Array(123))).toHaveLength(125);
    expect(() => closePayload(1000, new Uint8Array(124))).toThrow(UsageError);
  });
});

it('a header of a long frame leaves nothing of what the buffer held', () => {
  const target = new Uint8Array(14).fill(0xff);
  writeClientHeader(target, 0, 2, 65_536, new Uint8Array(4));
  expect(target).toEqual(hex('82 ff 00000000 00010000 00000000'));
});
