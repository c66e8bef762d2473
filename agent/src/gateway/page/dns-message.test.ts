import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex as bytesOf } from '../../../../protocol/src/testing/bytes.ts';
import { type DnsName, decodeResponse, dnsLimits, encodeQuery } from './dns-message.ts';

const hex = (text: string) => bytesOf(text.replace(/\s/g, ''));

/** `_http._tcp.local`, at 12 in a message with one record. */
const type = '05 5f68747470 04 5f746370 05 6c6f63616c 00';
const head = (records: number, questions = 0) =>
  `1234 8400 ${questions.toString(16).padStart(4, '0')} ${records.toString(16).padStart(4, '0')} 0000 0000`;

describe('a query', () => {
  it.each([
    ['PTR', '000c'],
    ['SRV', '0021'],
  ] as const)('asks one question: %s', (asked, number) => {
    expect(Buffer.from(encodeQuery(0x1234, asked, ['_http', '_tcp', 'local'])).toString('hex')).toBe(
      `1234 0000 0001 0000 0000 0000 ${type} ${number} 0001`.replaceAll(' ', ''),
    );
  });
});

describe('a response', () => {
  const answer = hex(`${head(4)} ${type} 000c 0001 0000000a 0006 03 43616d c00c
    c028 0021 8001 0000000a 0010 0000 0000 1f90 07 63616d2d312d31 c017
    c040 0001 8001 0000000a 0004 c0a80114
    c028 0010 8001 0000000a 0001 00`);

  it('is read with its compressed names, and records of other types are left out', () => {
    const instance = ['Cam', '_http', '_tcp', 'local'];
    expect(decodeResponse(answer, 0x1234)).toEqual([
      { type: 'PTR', name: ['_http', '_tcp', 'local'], target: instance },
      { type: 'SRV', name: instance, port: 8080 },
    ]);
    expect(decodeResponse(answer, 0x1235)).toBe(null);
    for (let length = 0; length < answer.length; length++)
      expect(decodeResponse(answer.subarray(0, length), 0x1234)).toBe(null);
  });

  it('to whom does not listen at 5353 repeats the question, which is skipped', () => {
    const message = hex(`${head(1, 1)} ${type} 000c 0001 c00c 000c 0001 0000000a 0006 03 43616d c00c`);
    expect(decodeResponse(message, 0x1234)).toHaveLength(1);
  });

  it.each([
    ['a query', '1234 0000 0000 0000 0000 0000'],
    ['an error', '1234 8403 0000 0000 0000 0000'],
    ['more questions than there may be records', `1234 8400 0041 0000 0000 0000${'00 000c 0001'.repeat(65)}`],
    ['nothing', ''],
  ])('is not: %s', (_what, message) => {
    expect(decodeResponse(hex(message), 0x1234)).toBe(null);
  });

  it('is broken where its names take more steps than any that is meant: 63 records lead through one chain of pointers', () => {
    const chain = (pointers: number) => {
      // In the data of a record of another type: a name without labels, and pointers each to the one before.
      const data = Array.from({ length: pointers }, (_, n) => (n === 0 ? [0, 0] : [0xc0, 0])).flat();
      const message = [
        ...hex(`${head(64)} 00 0010 0001 0000000a ${data.length.toString(16).padStart(4, '0')}`),
      ];
      const first = message.length;
      for (let n = 1; n < pointers; n++) {
        const to = n === 1 ? first : first + 2 * (n - 1);
        data[2 * n] = 0xc0 | (to >> 8);
        data[2 * n + 1] = to & 255;
      }
      message.push(...data);
      const last = first + 2 * (pointers - 1);
      const pointer = [0xc0 | (last >> 8), last & 255];
      for (let n = 0; n < 63; n++) message.push(...pointer, 0, 12, 0, 1, 0, 0, 0, 10, 0, 2, ...pointer);
      return Uint8Array.from(message);
    };
    const most = Math.floor(dnsLimits.steps / 126) - 1;
    expect(decodeResponse(chain(most), 0x1234)).toHaveLength(63);
    expect(decodeResponse(chain(most + 2), 0x1234)).toBe(null);
    const long = chain(1_200);
    expect(long.length).toBeLessThanOrEqual(dnsLimits.messageBytes);
    expect(decodeResponse(long, 0x1234)).toBe(null);
  });

  it.each([
    ['a name that leads to itself', 'c00c 000c 0001 0000000a 0000'],
    ['a name that leads onwards', 'c020 000c 0001 0000000a 0000'],
    ['a name that begins with a pointer to itself', '01 61 c00c 000c 0001 0000000a 0000'],
    ['a name whose data leads to itself', '01 61 00 000c 0001 0000000a 0002 c019'],
    ['a label of a kind that is none', '80 61 00 000c 0001 0000000a 0000'],
    ['a name that is too long', `${`3f ${'61'.repeat(63)}`.repeat(5)} 00 000c 0001 0000000a 0000`],
    ['data that is longer than the message', `${type} 0010 0001 0000000a ffff c0a80114`],
    ['a name that goes beyond its data', `${type} 000c 0001 0000000a 0002 01 61 01 61 00`],
    ['a port that goes beyond its data', `${type} 0021 0001 0000000a 0004 0000 0000 0050`],
  ])('with %s is none', (_what, record) => {
    expect(decodeResponse(hex(`${head(1)} ${record}`), 0x1234)).toBe(null);
  });

  it('is not read beyond the bounds', () => {
    const record = '00 000c 0001 0000000a 0001 00';
    const many = hex(`${head(dnsLimits.records + 5)} ${record.repeat(dnsLimits.records + 5)}`);
    expect(decodeResponse(many, 0x1234)).toHaveLength(dnsLimits.records);
    const large = new Uint8Array(dnsLimits.messageBytes + 1);
    large.set(hex(`${head(1)} ${record}`));
    expect(decodeResponse(large, 0x1234)).toBe(null);
    expect(decodeResponse(large.subarray(0, dnsLimits.messageBytes), 0x1234)).toHaveLength(1);
    expect(dnsLimits.nameBytes).toBe(255);
  });

  it('of any bytes does no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(40), (bytes, count) => {
        const message = Uint8Array.from([...hex(head(count)), ...bytes]);
        const records = decodeResponse(message, 0x1234) ?? [];
        expect(records.length).toBeLessThanOrEqual(count);
        for (const { name } of records) expect(lengthOf(name)).toBeLessThanOrEqual(dnsLimits.nameBytes);
      }),
    );
  });

  it('in which any byte is another one does no harm', () => {
    fc.assert(
      fc.property(fc.nat(answer.length - 1), fc.nat(255), (at, byte) => {
        const changed = answer.slice();
        changed[at] = byte;
        const records = decodeResponse(changed, 0x1234) ?? [];
        expect(records.length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

/** At least: what is no UTF-8 becomes longer. */
function lengthOf(name: DnsName): number {
  return name.reduce((sum, label) => sum + [...label].length + 1, 1);
}
