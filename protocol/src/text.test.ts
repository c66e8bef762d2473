import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64Decode, base64Encode } from './base64.ts';
import { hex } from './testing/bytes.ts';
import {
  hexEncode,
  latin1Decode,
  latin1Encode,
  printable,
  utf8Decode,
  utf8DecodeStrict,
  utf8Encode,
} from './text.ts';

const oracle = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function strictly(bytes: Uint8Array): string | null {
  try {
    return oracle.decode(bytes);
  } catch {
    return null;
  }
}

/** Any text, lone surrogates included; most code points are small, as in real text. */
const codePoints = fc
  .array(fc.oneof(fc.nat(0x7f), fc.nat(0x7ff), fc.nat(0xffff), fc.nat(0x10ffff)), { maxLength: 12 })
  .map((points) => String.fromCodePoint(...points));

/** Bytes near the borders of RFC 3629, which random bytes hardly hit. */
const tricky = fc.array(
  fc.constantFrom(
    ...[
      '00',
      '7f',
      '80',
      'bf',
      'c0',
      'c1',
      'c2',
      'df',
      'e0',
      'ed',
      'ef',
      'f0',
      'f4',
      'f5',
      'ff',
      '9f',
      'a0',
      '8f',
      '90',
    ],
  ),
  { maxLength: 12 },
);

describe('UTF-8', () => {
  it.each(['eda080', 'edbfbf'])('does not read the surrogate %s', (bytes) => {
    expect(utf8DecodeStrict(hex(bytes))).toBeNull();
  });

  it.each([
    ['the last of one byte', '\u007f', '7f'],
    ['the first and last of two', '\u0080\u07ff', 'c280 dfbf'],
    ['the first and last of three', '\u0800\uffff', 'e0a080 efbfbf'],
    ['the first and last of four', '\u{10000}\u{10ffff}', 'f0908080 f48fbfbf'],
    ['beside the surrogates', '\ud7ff\ue000', 'ed9fbf ee8080'],
    ['a lone surrogate, the first and the last', '\ud800 \udfff', 'efbfbd 20 efbfbd'],
  ])('%s', (_name, text, bytes) => {
    expect(utf8Encode(text)).toEqual(hex(bytes));
  });

  it.each(['\u007f', '\u0080\u07ff', '\u0800\uffff', '\u{10000}\u{10ffff}', '\ud7ff\ue000'])(
    'reads %j, the borders of its lengths',
    (text) => {
      expect(utf8DecodeStrict(utf8Encode(text))).toBe(text);
      expect(utf8Decode(utf8Encode(text))).toBe(text);
    },
  );

  it.each([
    ['a byte that continues', '84808080'],
    ['two bytes for one', 'c1bf'],
    ['three bytes for two', 'e09fbf'],
    ['four bytes for three', 'f08fbfbf'],
    ['more than U+10FFFF', 'f4908080'],
    ['a byte that starts five', 'f8908080'],
    ['a byte that starts six', 'fc908080'],
    ['a byte that never stands there', 'ff908080'],
  ])('does not read %s', (_name, bytes) => {
    const invalid = hex(bytes);
    expect(utf8DecodeStrict(invalid)).toBeNull();
    expect(utf8Decode(invalid)).toBe('\ufffd'.repeat(invalid.length));
  });

  it('is written as TextEncoder writes it, lone surrogates included', () => {
    fc.assert(
      fc.property(codePoints, (text) => {
        expect(hexEncode(utf8Encode(text))).toBe(hexEncode(new TextEncoder().encode(text)));
      }),
      { numRuns: 1000 },
    );
  });

  it('is read as TextDecoder reads it', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      tricky.map((pairs) => hex(pairs.join(''))),
      codePoints.map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const expected = strictly(input);
        expect(utf8DecodeStrict(input)).toBe(expected);
        if (expected !== null) expect(utf8Decode(input)).toBe(expected);
        else expect(utf8Decode(input)).toContain('\ufffd');
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['61 80 62', 'a\ufffdb'],
    ['e2 82', '\ufffd\ufffd'],
    ['ed a0 80', '\ufffd\ufffd\ufffd'],
    ['f4 90 80 80', '\ufffd\ufffd\ufffd\ufffd'],
    ['ef bf bd', '\ufffd'],
  ])('replaces each byte of %s that does not fit', (bytes, text) => {
    expect(utf8Decode(hex(bytes))).toBe(text);
  });

  it('reads from and to given places', () => {
    const bytes = new TextEncoder().encode('aé€b');
    expect(utf8Decode(bytes, 1, 3)).toBe('é');
    expect(utf8DecodeStrict(bytes, 3, 5)).toBeNull();
  });
});

describe('Latin-1', () => {
  it('keeps every byte', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(hexEncode(latin1Encode(latin1Decode(bytes)))).toBe(hexEncode(bytes));
      }),
    );
    const long = new Uint8Array(10_000).fill(200);
    expect(latin1Decode(long, 1, 9_999)).toBe('\u00c8'.repeat(9_998));
  });

  it('turns no character into a control byte', () => {
    expect(latin1Decode(latin1Encode('a\u010a\u010db'))).toBe('a??b');
  });
});

describe('Base64', () => {
  /** RFC 4648 section 10. */
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('%j', (text, encoded) => {
    expect(base64Encode(utf8Encode(text))).toBe(encoded);
    expect(utf8Decode(base64Decode(encoded) ?? new Uint8Array([0]))).toBe(text);
  });

  it.each(['Z', 'Zg', 'Zg=', 'Zg===', '====', 'Zh==', 'Zm9=', 'Z=g=', 'Zm 9', 'Zm9_', 'Zm9\u0176', '=Zg='])(
    'refuses %j',
    (text) => {
      expect(base64Decode(text)).toBeNull();
    },
  );

  it('agrees with Node', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const encoded = Buffer.from(bytes).toString('base64');
        expect(base64Encode(bytes)).toBe(encoded);
        expect(hexEncode(base64Decode(encoded) ?? new Uint8Array())).toBe(hexEncode(bytes));
      }),
    );
  });

  it('reads nothing that it would not write', () => {
    const text = fc.string({ unit: fc.constantFrom(...'AQgw+/=Zz'), maxLength: 9 });
    fc.assert(
      fc.property(text, (input) => {
        const bytes = base64Decode(input);
        if (bytes) expect(base64Encode(bytes)).toBe(input);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('printable', () => {
  it.each([
    ['a\r\n\tb', 'a b'],
    ['\x00\x1b[31m\x1f \x7e\x7f', ' [31m  ~ '],
    ['\x80\x9f\xa0', ' \xa0'],
    ['\u2027\u2028\u2029\u202a', '\u2027 \u202a'],
    ['Ä \u{1f600}', 'Ä \u{1f600}'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });
});

describe('hexEncode', () => {
  it('writes two lower-case digits a byte', () => {
    expect(hexEncode(Uint8Array.from([0, 9, 10, 15, 16, 171, 255]))).toBe('00090a0f10abff');
  });
});
