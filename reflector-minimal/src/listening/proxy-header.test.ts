import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ascii, concat, hex } from '../../../protocol/src/testing/bytes.ts';
import { readProxyHeader } from './proxy-header.ts';

const maxBytes = 300;
const signature = '0d0a0d0a 000d0a51 5549540a';
const ports = 'd431 01bb';
const v4 = `c0000207 c6336401 ${ports}`;
const v6 = `20010db8 00000000 00000000 00000007 20010db8 00000000 00000000 00000001 ${ports}`;
const read = (bytes: Uint8Array) => readProxyHeader(bytes, maxBytes);

const good = [
  ['TCP over IPv4', `21 11 000c ${v4}`, { address: '192.0.2.7', port: 54_321 }],
  ['TCP over IPv6', `21 21 0024 ${v6}`, { address: '2001:db8::7', port: 54_321 }],
  [
    'an IPv4 address in one of IPv6',
    `21 21 0024 ${'00'.repeat(10)} ffff c0000207 ${'00'.repeat(16)} ${ports}`,
    { address: '::ffff:192.0.2.7', port: 54_321 },
  ],
  ['fields besides (TLVs)', `21 11 0013 ${v4} 04 0004 00000000`, { address: '192.0.2.7', port: 54_321 }],
  ['fields that are none', `21 11 000d ${v4} ff`, { address: '192.0.2.7', port: 54_321 }],
  ['port 0 and address 0', `21 11 000c ${'00'.repeat(12)}`, { address: '0.0.0.0', port: 0 }],
  [
    'as many bytes as are allowed',
    `21 11 011c ${v4} ${'ee'.repeat(272)}`,
    { address: '192.0.2.7', port: 54_321 },
  ],
  ['a Unix socket', `21 31 00d8 ${'2f'.repeat(216)}`, null],
  ['no address', '21 00 0000', null],
  ['no address, and fields', '21 00 0003 ffffff', null],
  ['LOCAL', '20 00 0000', null],
  ['LOCAL with an address, which does not count', `20 11 000c ${v4}`, null],
  ['LOCAL of an unknown family', '20 ff 0001 00', null],
] as const;

const bad = [
  ['version 1 in the form of version 2', `11 11 000c ${v4}`, 'version and command 0x11'],
  ['version 3', `31 11 000c ${v4}`, 'version and command 0x31'],
  ['an unknown command', `22 11 000c ${v4}`, 'version and command 0x22'],
  ['UDP over IPv4', `21 12 000c ${v4}`, 'family and protocol 0x12'],
  ['UDP over IPv6', `21 22 0024 ${v6}`, 'family and protocol 0x22'],
  ['datagrams of a Unix socket', `21 32 00d8 ${'2f'.repeat(216)}`, 'family and protocol 0x32'],
  ['an unknown family', `21 41 000c ${v4}`, 'family and protocol 0x41'],
  ['a family without a protocol', `21 10 000c ${v4}`, 'family and protocol 0x10'],
  ['less than addresses of IPv4', `21 11 000b ${v4}`, 'no room for its addresses'],
  ['less than addresses of IPv6', `21 21 0023 ${v6}`, 'no room for its addresses'],
  ['less than addresses of a Unix socket', `21 31 00d7 ${'2f'.repeat(215)}`, 'no room for its addresses'],
  ['one byte more than is allowed', '21 11 011d', '301 bytes'],
  ['as much as fits into its length', '21 11 ffff', '65551 bytes'],
  ['LOCAL that is too long', '20 00 ffff', '65551 bytes'],
] as const;

describe('version 2', () => {
  test.each(good)('%s', (_what, text, peer) => {
    const header = hex(signature + text);
    expect(read(header)).toEqual({ bytes: header.length, peer });
    expect(read(concat(header, ascii('GET /')))).toEqual({ bytes: header.length, peer });
    for (let length = 0; length < header.length; length++)
      expect(read(header.subarray(0, length))).toBe('incomplete');
  });

  test.each(bad)('%s is invalid', (_what, text, invalid) => {
    expect(read(hex(signature + text))).toEqual({ invalid });
  });

  test('whatever the addresses and the fields are, they are found', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const fields = fc.uint8Array({ maxLength: maxBytes - 16 - 36 });
    fc.assert(
      fc.property(fc.boolean(), bytes(36), fields, fc.uint8Array(), (six, addresses, more, rest) => {
        const block = addresses.subarray(0, six ? 36 : 12);
        const length = block.length + more.length;
        const fixed = [0x21, six ? 0x21 : 0x11, length >> 8, length & 255];
        const found = read(concat(hex(signature), Uint8Array.from(fixed), block, more, rest));
        const at = six ? 32 : 8;
        expect(found).toMatchObject({
          bytes: 16 + length,
          peer: { port: ((block[at] ?? 0) << 8) | (block[at + 1] ?? 0) },
        });
      }),
    );
  });
});

describe('version 1', () => {
  test.each([
    ['PROXY TCP4 192.0.2.7 198.51.100.1 54321 443\r\n', { address: '192.0.2.7', port: 54_321 }],
    [
      'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
      { address: '255.255.255.255', port: 65_535 },
    ],
    ['PROXY TCP6 2001:DB8:0:0:0:0:0:7 2001:db8::1 0 443\r\n', { address: '2001:db8::7', port: 0 }],
    [
      `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
      { address: `${'ffff:'.repeat(7)}ffff`, port: 65_535 },
    ],
    ['PROXY UNKNOWN\r\n', null],
    ['PROXY UNKNOWN ffff::1 whatever it is\r\n', null],
  ])('%j', (line, peer) => {
    const header = ascii(line);
    expect(read(header)).toEqual({ bytes: header.length, peer });
    expect(read(concat(header, Uint8Array.of(0x16, 3, 1)))).toEqual({ bytes: header.length, peer });
    for (let length = 0; length < header.length; length++)
      expect(read(header.subarray(0, length))).toBe('incomplete');
  });

  test.each([
    ['PROXY TCP4 192.0.2.7 198.51.100.1 54321 443\n', 'not a line of version 1'],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 54321\r\n', 'not a line of version 1'],
    ['PROXY TCP4  192.0.2.7 198.51.100.1 54321 443\r\n', 'not a line of version 1'],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 54321 443 \r\n', 'not a line of version 1'],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 054321 443\r\n', 'not a line of version 1'],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n', 'not a line of version 1'],
    ['PROXY TCP5 192.0.2.7 198.51.100.1 1 443\r\n', 'not a line of version 1'],
    ['PROXY UDP4 192.0.2.7 198.51.100.1 1 443\r\n', 'not a line of version 1'],
    ['PROXY UNKNOWNX\r\n', 'not a line of version 1'],
    ['PROXY \r\n', 'not a line of version 1'],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n', 'a port above 65535'],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 99999 443\r\n', 'a port above 65535'],
    ['PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n', 'an address that is not of TCP4'],
    ['PROXY TCP4 192.0.2.07 198.51.100.1 1 443\r\n', 'an address that is not of TCP4'],
    ['PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n', 'an address that is not of TCP4'],
    ['PROXY TCP6 192.0.2.7 198.51.100.1 1 443\r\n', 'an address that is not of TCP6'],
    ['PROXY TCP6 fe80::1%eth0 2001:db8::1 1 443\r\n', 'an address that is not of TCP6'],
    [`PROXY UNKNOWN ${'x'.repeat(93)}`, 'a line without an end'],
    [`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, 'a line without an end'],
    ['GET / HTTP/1.1\r\n', 'no PROXY header'],
    ['proxy TCP4 192.0.2.7 198.51.100.1 1 443\r\n', 'no PROXY header'],
    ['PROXY\r\n', 'no PROXY header'],
    ['X', 'no PROXY header'],
    ['\x16\x03\x01', 'no PROXY header'],
    ['\r\n\r\nG', 'no PROXY header'],
  ])('%j is invalid', (text, invalid) => {
    expect(read(ascii(text))).toEqual({ invalid });
  });

  test('a line of any text is read or refused as a whole', () => {
    const texts = fc.string({ unit: 'binary-ascii', maxLength: 120 });
    fc.assert(
      fc.property(texts, (text) => {
        const found = read(ascii(`PROXY ${text}\r\n`));
        if (found === 'incomplete') throw new Error('the line has an end');
        if ('bytes' in found) expect(`PROXY ${text}\r\n`.slice(0, found.bytes)).toMatch(/^PROXY [^\n]*\r\n$/);
      }),
    );
  });
});

test('arbitrary bytes are no error, and a header never is longer than them', () => {
  const beginnings = fc.constantFrom(...['', signature, '50524f585920'].map(hex));
  fc.assert(
    fc.property(beginnings, fc.uint8Array({ maxLength: 400 }), (beginning, rest) => {
      const bytes = concat(beginning, rest);
      const found = read(bytes);
      if (found === 'incomplete') expect(bytes.length).toBeLessThan(maxBytes);
      else if ('bytes' in found) expect(found.bytes).toBeLessThanOrEqual(Math.min(bytes.length, maxBytes));
    }),
    { numRuns: 2_000 },
  );
});
