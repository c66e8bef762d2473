import { describe, expect, it } from 'vitest';
import { ascii } from '../../../../protocol/src/testing/bytes.ts';
import { crypto } from '../../../node/crypto.ts';
import { base32Decode, base32Encode, codeOf, stepAt, stepOf } from './one-time-code.ts';

const secret = ascii('12345678901234567890');

describe('a one-time code', () => {
  // RFC 6238 appendix B, the last six of its eight digits.
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('is that of RFC 6238 at %d s', (seconds, code) => {
    expect(codeOf(crypto, secret, stepAt(seconds * 1000))).toBe(code);
    expect(stepOf(crypto, secret, code, seconds * 1000, 0)).toBe(stepAt(seconds * 1000));
  });

  it('may be one step early or late, and counts once', () => {
    const now = 1_111_111_111_000;
    const step = stepAt(now);
    for (const near of [step - 1, step, step + 1]) {
      const code = codeOf(crypto, secret, near);
      expect(stepOf(crypto, secret, code, now, near - 1)).toBe(near);
      expect(stepOf(crypto, secret, code, now, near)).toBe(null);
    }
    for (const far of [step - 2, step + 2])
      expect(stepOf(crypto, secret, codeOf(crypto, secret, far), now, 0)).toBe(null);
    for (const wrong of ['', '05047', '0504710', 'abcdef'])
      expect(stepOf(crypto, secret, wrong, now, 0)).toBe(null);
  });
});

describe('base32', () => {
  it('is that of RFC 4648', () => {
    expect(base32Encode(ascii('fooba'))).toBe('MZXW6YTB');
    for (let n = 0; n < 50; n++) {
      const bytes = new Uint8Array(20);
      crypto.random(bytes);
      expect(base32Decode(base32Encode(bytes))).toEqual(bytes);
    }
    for (const wrong of ['', 'MZXW6YT', 'mzxw6ytb', 'MZXW6YT1', 'MZXW6YT='])
      expect(base32Decode(wrong)).toBe(null);
  });
});
