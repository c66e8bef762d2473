import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePropertiesUpdate } from './property.ts';
import { concat, feed, hex, pattern, sizes } from './testing/bytes.ts';
import { hexEncode } from './text.ts';
import { FrameDecoder } from './webtunnel-decoder.ts';
import {
  ChannelError,
  describeChannelError,
  encodeBare,
  encodeCredit,
  encodeData,
  encodeWord,
  Opcode,
  writeFrameHeader,
} from './webtunnel-frame.ts';

/** What a decoder makes of one message after the other, one line an event; pieces of data are joined. */
function decode(messages: readonly Uint8Array[], pieces: readonly number[] = [1 << 20]): string[] {
  const events: string[] = [];
  let data = '';
  const decoder = new FrameDecoder(
    {
      data: (channel, bytes, start, end) => {
        expect(end).toBeGreaterThan(start);
        data = `${data || `data ${channel} `}${hexEncode(bytes.subarray(start, end))}`;
      },
      openRequest: (channel, port) => events.push(`open ${channel} ${port}`),
      openConfirm: (channel) => events.push(`confirm ${channel}`),
      openFault: (channel, error) => events.push(`fault ${channel} ${error}`),
      close: (channel) => events.push(`close ${channel}`),
      error: (channel, error) => events.push(`error ${channel} ${error}`),
      credit: (channel, increment) => events.push(`credit ${channel} ${increment}`),
      properties: (list) => events.push(`properties ${JSON.stringify(list)}`),
      violation: (channel, what) => events.push(`violation ${channel} ${what}`),
    },
    { frameBytes: 16, propertiesBytes: 64 },
  );
  for (const message of messages) {
    data = '';
    const before = events.length;
    feed(message, pieces, (bytes, start, end) => decoder.push(bytes, start, end));
    decoder.end();
    if (data !== '') events.splice(before, 0, data);
  }
  return events;
}

const frames: [string, string, string[]][] = [
  ['data', '00 00 0102 aa bb', ['data 258 aabb']],
  ['data without payload', '00 00 0001', []],
  ['data as large as allowed', `00 00 0001 ${'11'.repeat(16)}`, [`data 1 ${'11'.repeat(16)}`]],
  ['an open request', '01 00 ffff 0016', ['open 65535 22']],
  ['an open confirm', '11 00 0003', ['confirm 3']],
  ['an open fault', '81 00 0003 0002', ['fault 3 2']],
  ['a close', '02 00 0003', ['close 3']],
  ['an error', '80 00 0003 0005', ['error 3 5']],
  ['credit', '20 00 0003 00010000', ['credit 3 65536']],
  ['the most credit', '20 00 0003 ffffffff', ['credit 3 4294967295']],
  ['flags, which mean nothing', '02 ff 0003', ['close 3']],
  ['properties', '40 00 0000 01 01 61 02 62 63', ['properties [{"name":"a","value":"bc"}]']],
  ['no properties', '40 00 0000 00', ['properties []']],
];

const violations: [string, string, string[]][] = [
  ['an empty message', '', ['violation 0 frame of 0 bytes']],
  ['a header cut short', '00 00 01', ['violation 0 frame of 3 bytes']],
  ['an unknown opcode', '7f 00 0009', ['violation 9 unknown opcode 0x7f']],
  ['a long unknown opcode', `03 00 0009 ${'00'.repeat(40)}`, ['violation 9 unknown opcode 0x03']],
  ['an open request without a port', '01 00 0009', ['violation 9 wrong length of opcode 0x01']],
  ['an open request with half a port', '01 00 0009 00', ['violation 9 wrong length of opcode 0x01']],
  ['an open request with too much', '01 00 0009 0016 00', ['violation 9 wrong length of opcode 0x01']],
  ['a close with payload', '02 00 0009 00', ['violation 9 wrong length of opcode 0x02']],
  ['a confirm with payload', '11 00 0009 00', ['violation 9 wrong length of opcode 0x11']],
  ['a fault without a number', '81 00 0009', ['violation 9 wrong length of opcode 0x81']],
  ['an error of three bytes', '80 00 0009 000000', ['violation 9 wrong length of opcode 0x80']],
  ['credit of three bytes', '20 00 0009 000000', ['violation 9 wrong length of opcode 0x20']],
  ['credit of five bytes', '20 00 0009 0000000001', ['violation 9 wrong length of opcode 0x20']],
  ['credit of nothing', '20 00 0009 00000000', ['violation 9 credit of 0 bytes']],
  [
    'too much data',
    `00 00 0009 ${'22'.repeat(17)}`,
    [`data 9 ${'22'.repeat(16)}`, 'violation 9 data frame of more than 16 bytes'],
  ],
  ['properties without a count', '40 00 0000', ['violation 0 unreadable properties update']],
  ['properties cut short', '40 00 0000 01 01 61 05 62', ['violation 0 unreadable properties update']],
  ['properties with bytes left over', '40 00 0000 00 00', ['violation 0 unreadable properties update']],
  [
    'too many bytes of properties',
    `40 00 0000 ${'00'.repeat(65)}`,
    ['violation 0 properties update of more than 64 bytes'],
  ],
];

describe('FrameDecoder', () => {
  it.each([...frames, ...violations])('reads %s', (_name, bytes, events) => {
    expect(decode([hex(bytes)])).toEqual(events);
    expect(decode([hex(bytes)], [1])).toEqual(events);
  });

  it.each(violations)('goes on after %s', (_name, bytes, events) => {
    expect(decode([hex(bytes), encodeBare(Opcode.close, 1)])).toEqual([...events, 'close 1']);
  });

  it('reports the same events whatever the borders of the pieces', () => {
    const message = fc.oneof(
      fc.constantFrom(...[...frames, ...violations].map(([, bytes]) => hex(bytes))),
      fc.uint8Array({ maxLength: 90 }),
      fc.uint8Array({ maxLength: 80 }).map((rest) => concat(hex('40 00 0000'), rest)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), sizes, (messages, pieces) => {
        expect(decode(messages, pieces)).toEqual(decode(messages));
      }),
      { numRuns: 1000 },
    );
  });

  it('takes a whole message at once', () => {
    const seen: number[] = [];
    const ignore = () => undefined;
    const decoder = new FrameDecoder(
      {
        data: ignore,
        openRequest: ignore,
        openConfirm: ignore,
        openFault: ignore,
        close: (channel) => seen.push(channel),
        error: ignore,
        credit: ignore,
        properties: ignore,
        violation: ignore,
      },
      { frameBytes: 16, propertiesBytes: 64 },
    );
    decoder.message(hex('02 00 0007'));
    expect(seen).toEqual([7]);
  });
});

describe('frames that are written', () => {
  it.each([
    ['close', encodeBare(Opcode.close, 0x1234), '02 00 1234'],
    ['open confirm', encodeBare(Opcode.openConfirm, 1), '11 00 0001'],
    ['open request', encodeWord(Opcode.openRequest, 0xffff, 65535), '01 00 ffff ffff'],
    ['open fault', encodeWord(Opcode.openFault, 2, ChannelError.refused), '81 00 0002 0003'],
    ['error', encodeWord(Opcode.error, 3, ChannelError.timeout), '80 00 0003 0004'],
    ['credit', encodeCredit(4, 0xfedcba98), '20 00 0004 fedcba98'],
    ['data', encodeData(5, pattern(6), 2, 4), '00 00 0005 02 03'],
    ['properties', encodePropertiesUpdate([{ name: 'a', value: 'é' }]), '40 00 0000 01 01 61 02 c3 a9'],
  ])('%s', (_name, frame, expected) => {
    expect(hexEncode(frame)).toBe(hexEncode(hex(expected)));
  });

  it.each([0, -1, 0x100000000, Number.NaN])('credit of %d bytes is refused', (increment) => {
    expect(() => encodeCredit(1, increment)).toThrow('credit out of range');
  });

  it('are read as they were meant', () => {
    const channel = fc.nat(0xffff);
    const word = fc.nat(0xffff);
    const sample = fc.oneof(
      fc.tuple(channel, fc.uint8Array({ minLength: 1, maxLength: 16 })).map(([number, bytes]) => ({
        frame: encodeData(number, bytes),
        event: `data ${number} ${hexEncode(bytes)}`,
      })),
      fc.tuple(channel, word).map(([number, port]) => ({
        frame: encodeWord(Opcode.openRequest, number, port),
        event: `open ${number} ${port}`,
      })),
      fc.tuple(channel, fc.integer({ min: 1, max: 0xffffffff })).map(([number, increment]) => ({
        frame: encodeCredit(number, increment),
        event: `credit ${number} ${increment}`,
      })),
      channel.map((number) => ({ frame: encodeBare(Opcode.close, number), event: `close ${number}` })),
    );
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 10 }), sizes, (samples, pieces) => {
        const events = decode(
          samples.map(({ frame }) => frame),
          pieces,
        );
        expect(events).toEqual(samples.map(({ event }) => event));
      }),
    );
  });

  it('have a header of four bytes, wherever it is written', () => {
    const used = new Uint8Array(7).fill(0xff);
    writeFrameHeader(used, 1, Opcode.data, 0x1234);
    expect(hexEncode(used)).toBe(`ff${hexEncode(Uint8Array.of(Opcode.data))}001234ffff`);
  });

  it('have errors that a person can read', () => {
    const texts = [...Object.values(ChannelError), 99].map(describeChannelError);
    expect(texts).toEqual([
      'no such channel',
      'port not forwarded',
      'connection refused',
      'timed out',
      'socket error',
      'protocol violation',
      'channel in use',
      'unknown error 99',
    ]);
  });
});
