import { describe, expect, it } from 'vitest';
import { ProtocolError } from './errors.ts';
import { agree, decodeExtension, encodeExtension } from './extension.ts';

describe('the extension header', () => {
  it('is written as webtunnel.md section 5 has it', () => {
    expect(encodeExtension({ maxFrame: 65_536, window: 262_144 })).toBe('max-frame=65536, window=262144');
  });

  it.each<[string, unknown]>([
    ['max-frame=1, window=2', { maxFrame: 1, window: 2 }],
    ['window=2147483647,max-frame=2048', { maxFrame: 2048, window: 2_147_483_647 }],
    [' max-frame = 4 , later=x, window=5', { maxFrame: 4, window: 5 }],
    ['', null],
    ['max-frame=1', null],
    ['window=1', null],
    ['Max-Frame=1, window=2', null],
  ])('%j', (header, expected) => {
    expect(decodeExtension(header)).toEqual(expected);
  });

  it.each(['0', '-1', '2147483648', '1e3', '', 'x', '99999999999', '0x10', '1 2'])(
    'refuses the size %j',
    (size) => {
      expect(() => decodeExtension(`max-frame=1, window=${size}`)).toThrow(ProtocolError);
      expect(() => decodeExtension(`max-frame=${size}, window=1`)).toThrow(ProtocolError);
    },
  );

  it('puts the smaller of each value in force', () => {
    expect(agree({ maxFrame: 10, window: 20 }, { maxFrame: 5, window: 30 })).toEqual({
      maxFrame: 5,
      window: 20,
    });
  });
});
