import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexEncode, parseIp } from './index.ts';

const read = (text: string) => {
  const bytes = parseIp(text);
  return bytes && hexEncode(bytes);
};

describe('an IP literal', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:DB8::a:1', '20010db80000000000000000000a0001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['64:ff9b::192.0.2.1', '0064ff9b0000000000000000c0000201'],
    ['1:2:3:4:5:6:192.0.2.1', '000100020003000400050006c0000201'],
    ['::192.0.2.1', '000000000000000000000000c0000201'],
  ])('%s', (text, bytes) => {
    expect(read(text)).toBe(bytes);
  });

  it.each([
    ...['', 'example.com', '1.2.3', '1.2.3.4.5', '256.0.0.1', '01.2.3.4', '1.2.3.', '1.2.3.x', '0x1.2.3.4'],
    ...[
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4::5:6:7:8::9',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      'g::',
      ':1::',
    ],
    ...[
      'fe80::1%eth0',
      '[::1]',
      '::1.2.3',
      '::1.2.3.4:5',
      '1:2:3:4:5:6:7:1.2.3.4',
      '1:1.2.3.4',
      '::1.2.3.256',
    ],
  ])('"%s" is none', (text) => {
    expect(read(text)).toBeNull();
  });

  it('is what Node takes for one', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom(...'0123456789abcf:.') }),
      fc
        .array(fc.constantFrom(':', '::', '1', 'ff', '1.2.3.4', '255'), { maxLength: 12 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        const length = { 0: undefined, 4: 4, 6: 16 }[isIP(given)];
        expect(parseIp(given)?.length).toBe(length);
      }),
    );
  });
});
