import { expect, test } from 'vitest';
import { base32, makeTotpSecret, otpauthUri, stepAt, stepOfCode, totpCode } from './totp.ts';

const secret = Buffer.from('12345678901234567890');

test.each([
  // RFC 6238 appendix B: the last six of its eight digits.
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
])('at %i s the code is %s', (seconds, code) => {
  const now = seconds * 1000;
  expect(totpCode(secret, stepAt(now))).toBe(code);
  expect(stepOfCode(secret, code, now)).toBe(stepAt(now));
});

test('a code is good one step before and after its own, and no more', () => {
  const now = 1_111_111_109_000;
  const code = totpCode(secret, stepAt(now));
  for (const [seconds, good] of [
    [-60, false],
    [-30, true],
    [30, true],
    [60, false],
  ] as const) {
    expect([seconds, stepOfCode(secret, code, now + seconds * 1000) === stepAt(now)]).toEqual([
      seconds,
      good,
    ]);
  }
  expect(stepOfCode(secret, ` ${code.slice(0, 3)} ${code.slice(3)}\n`, now)).toBe(stepAt(now));
  for (const wrong of ['', '000000', code.slice(1), `${code}0`])
    expect(stepOfCode(secret, wrong, now)).toBeNull();
  expect(stepOfCode(secret, totpCode(secret, 0), 0)).not.toBeNull();
});

test.each([
  // RFC 4648 section 10.
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
])('%j in base 32 is %j', (text, encoded) => {
  expect(base32(Buffer.from(text))).toBe(encoded);
});

test('a secret is new each time, and told to an app as it expects', () => {
  expect(makeTotpSecret()).toHaveLength(20);
  expect(makeTotpSecret().equals(makeTotpSecret())).toBe(false);
  expect(otpauthUri('remote.example.com', 'jörg@x', secret)).toBe(
    'otpauth://totp/remote.example.com:j%C3%B6rg%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' +
      '&issuer=remote.example.com&algorithm=SHA1&digits=6&period=30',
  );
});
