import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from './errors.ts';
import { concat, feed, hex, pattern, sizes } from './testing/bytes.ts';
import { hexEncode } from './text.ts';
import { WebSocketReader } from './websocket-reader.ts';

const MESSAGE_BYTES = 1000;

/** What a reader makes of `bytes`, one line an event; pieces of a message are joined. */
function read(bytes: Uint8Array, pieces: readonly number[] = [bytes.length || 1]): string[] {
  const events: string[] = [];
  let message: string | null = null;
  const reader = new WebSocketReader(
    {
      messageData: (data, start, end) => {
        message = (message ?? '') + hexEncode(data.subarray(start, end));
      },
      messageEnd: () => {
        events.push(`message ${message ?? ''}`.trim());
        message = null;
      },
      pinged: (payload) => events.push(`ping ${hexEncode(payload)}`.trim()),
      ponged: (payload) => events.push(`pong ${hexEncode(payload)}`.trim()),
      closed: (code, reason) => events.push(`close ${code} ${reason}`.trim()),
    },
    MESSAGE_BYTES,
  );
  let failed = false;
  feed(bytes, pieces, (piece, start, end) => {
    if (failed) return;
    try {
      reader.push(piece, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      failed = true;
      events.push(`${error.code} ${error.closeCode}`);
    }
  });
  if (message !== null) events.push(`part ${message}`);
  return events;
}

const accepted: [string, string, string[]][] = [
  ['an empty message', '82 00', ['message']],
  ['a message of one byte', '82 01 2a', ['message 2a']],
  ['two messages', '82 01 aa 82 01 bb', ['message aa', 'message bb']],
  ['a message in three fragments', '02 01 aa 00 02 bb cc 80 01 dd', ['message aabbccdd']],
  ['empty fragments', '02 00 00 00 80 00', ['message']],
  [
    'control frames between fragments',
    '02 01 aa 89 02 01 02 00 01 bb 8a 01 03 80 01 cc',
    ['ping 0102', 'pong 03', 'message aabbcc'],
  ],
  ['a ping without payload', '89 00', ['ping']],
  ['a pong that nobody asked for', '8a 01 07', ['pong 07']],
  ['a close without a code', '88 00', ['close 1005']],
  ['a close with a code', '88 02 03 e8', ['close 1000']],
  ['a close with a reason', '88 05 03 e9 62 79 65', ['close 1001 bye']],
  ['a close amid a message', '02 01 aa 88 02 03 e8', ['close 1000', 'part aa']],
  ['nothing behind a close', '88 02 03 e8 82 01 aa c2', ['close 1000']],
  ['a message that has not ended', '82 05 aa bb', ['part aabb']],
  ['a header that has not ended', '82 7e 01', []],
];

/** RFC 6455: what must fail the connection, with the section that says so. */
const refused: [string, string, string][] = [
  ['5.2: RSV1 set', 'c2 00', 'RM_WS_RESERVED 1002'],
  ['5.2: RSV2 set', 'a2 00', 'RM_WS_RESERVED 1002'],
  ['5.2: RSV3 set', '92 00', 'RM_WS_RESERVED 1002'],
  ['5.2: RSV1 set in a ping', 'c9 00', 'RM_WS_RESERVED 1002'],
  ...['3', '4', '5', '6', '7', 'b', 'c', 'd', 'e', 'f'].map((opcode): [string, string, string] => [
    `5.2: reserved opcode ${opcode}`,
    `8${opcode} 00`,
    'RM_WS_RESERVED 1002',
  ]),
  ['5.2: 16-bit length below 126', '82 7e 00 7d', 'RM_WS_LENGTH 1002'],
  ['5.2: 64-bit length below 65536', '82 7f 00 00 00 00 00 00 ff ff', 'RM_WS_LENGTH 1002'],
  ['5.2: 64-bit length with the highest bit', '82 7f 80 00 00 00 00 01 00 00', 'RM_WS_LENGTH 1002'],
  ['5.2: length of 2^53', '82 7f 00 20 00 00 00 00 00 00', 'RM_WS_LENGTH 1002'],
  ['5.1: masked by a server', '82 80 00 00 00 00', 'RM_WS_MASK 1002'],
  ['5.1: masked ping by a server', '89 80 00 00 00 00', 'RM_WS_MASK 1002'],
  ['5.4: continuation of nothing', '80 00', 'RM_WS_FRAGMENT 1002'],
  ['5.4: fragment of nothing', '00 01 aa', 'RM_WS_FRAGMENT 1002'],
  ['5.5: fragmented ping', '09 00', 'RM_WS_CONTROL 1002'],
  ['5.5: fragmented pong', '0a 00', 'RM_WS_CONTROL 1002'],
  ['5.5: fragmented close', '08 02 03 e8', 'RM_WS_CONTROL 1002'],
  ['5.5: ping of 126 bytes', '89 7e 00 7e', 'RM_WS_CONTROL 1002'],
  ['5.5: close of 65,536 bytes', '88 7f 00 00 00 00 00 01 00 00', 'RM_WS_CONTROL 1002'],
  ['5.5.1: close of one byte', '88 01 03', 'RM_WS_CLOSE 1002'],
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (code): [string, string, string] => [
      `7.4: close code ${code}`,
      `88 02 ${code.toString(16).padStart(4, '0')}`,
      'RM_WS_CLOSE 1002',
    ],
  ),
  ['8.1: close reason with a lone continuation byte', '88 03 03 e8 80', 'RM_WS_CLOSE 1007'],
  ['8.1: close reason cut within a character', '88 04 03 e8 e2 82', 'RM_WS_CLOSE 1007'],
  ['8.1: close reason with an overlong slash', '88 04 03 e8 c0 af', 'RM_WS_CLOSE 1007'],
  ['8.1: close reason with a surrogate', '88 05 03 e8 ed a0 80', 'RM_WS_CLOSE 1007'],
  ['text, which no tunnel carries', '81 00', 'RM_WS_TYPE 1003'],
  ['text in fragments', '01 01 41', 'RM_WS_TYPE 1003'],
];

describe('WebSocketReader', () => {
  it.each(accepted)('reads %s', (_name, bytes, events) => {
    expect(read(hex(bytes))).toEqual(events);
    expect(read(hex(bytes), [1])).toEqual(events);
  });

  it.each(refused)('fails on %s', (_name, bytes, error) => {
    expect(read(hex(bytes))).toEqual([error]);
    expect(read(hex(bytes), [1])).toEqual([error]);
  });

  it.each([
    ['a new message before the end of the last', '02 01 aa 82 01 bb', ['RM_WS_FRAGMENT 1002', 'part aa']],
    ['a continuation behind the final fragment', '02 00 80 00 80 00', ['message', 'RM_WS_FRAGMENT 1002']],
    ['a bad frame behind a good one', '82 01 aa c2 00', ['message aa', 'RM_WS_RESERVED 1002']],
  ])('fails on %s, after what came before', (_name, bytes, events) => {
    expect(read(hex(bytes))).toEqual(events);
    expect(read(hex(bytes), [1])).toEqual(events);
  });

  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4001, 4999])(
    'takes close code %i',
    (code) => {
      expect(read(hex(`88 02 ${code.toString(16).padStart(4, '0')}`))).toEqual([`close ${code}`]);
    },
  );

  it.each([0, 1, 125, 126, 127, 128, 999, 1000])(
    'takes a message of %i bytes in its length form',
    (length) => {
      const header = length < 126 ? [0x82, length] : [0x82, 126, length >> 8, length & 255];
      const body = pattern(length);
      expect(read(concat(Uint8Array.from(header), body))).toEqual([`message ${hexEncode(body)}`.trim()]);
    },
  );

  it('takes a message of 65,536 bytes where the bound allows it', () => {
    let length = 0;
    const reader = new WebSocketReader(
      {
        messageData: (_bytes, start, end) => {
          length += end - start;
        },
        messageEnd: () => undefined,
        pinged: () => undefined,
        ponged: () => undefined,
        closed: () => undefined,
      },
      65_536,
    );
    const frame = concat(hex('82 7f 00 00 00 00 00 01 00 00'), pattern(65_536));
    reader.push(frame, 0, frame.length);
    expect(length).toBe(65_536);
  });

  it.each([
    ['one frame', '82 7e 03 e9', ['RM_WS_SIZE 1009']],
    ['one frame of 2^52 bytes', '82 7f 00 10 00 00 00 00 00 00', ['RM_WS_SIZE 1009']],
    [
      'fragments together',
      `02 7e 03 e8 ${'00'.repeat(1000)} 80 01 00`,
      ['RM_WS_SIZE 1009', `part ${'00'.repeat(1000)}`],
    ],
  ])('fails with 1009 on a message beyond the bound: %s', (_name, bytes, events) => {
    expect(read(hex(bytes))).toEqual(events);
  });

  it('counts the bound anew for each message', () => {
    const half = `02 7e 01 f4 ${'00'.repeat(500)} 80 7e 01 f4 ${'00'.repeat(500)}`;
    const whole = `message ${'00'.repeat(1000)}`;
    expect(read(hex(half + half))).toEqual([whole, whole]);
  });

  it.each(['messageData', 'messageEnd', 'pinged'] as const)(
    'reads nothing more when %s stops it',
    (where) => {
      const seen: string[] = [];
      const stopAt = (name: string) => {
        seen.push(name);
        if (name === where) reader.stop();
      };
      const reader = new WebSocketReader(
        {
          messageData: () => stopAt('messageData'),
          messageEnd: () => stopAt('messageEnd'),
          pinged: () => stopAt('pinged'),
          ponged: () => stopAt('ponged'),
          closed: () => stopAt('closed'),
        },
        MESSAGE_BYTES,
      );
      const bytes = hex('89 00 82 01 aa 8a 00 c2');
      reader.push(bytes, 0, bytes.length);
      reader.push(bytes, 0, bytes.length);
      expect(seen.at(-1)).toBe(where);
      expect(seen).not.toContain('ponged');
    },
  );

  it('reports the same events whatever the borders of the pieces', () => {
    const frame = fc.oneof(
      fc.constantFrom(...accepted.map(([, bytes]) => hex(bytes))),
      fc.constantFrom(...refused.map(([, bytes]) => hex(bytes))),
      fc.integer({ min: 0, max: 300 }).map((length) => {
        const header = length < 126 ? [0x82, length] : [0x82, 126, length >> 8, length & 255];
        return concat(Uint8Array.from(header), pattern(length));
      }),
      fc.uint8Array({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), sizes, (frames, pieces) => {
        const bytes = concat(...frames);
        expect(read(bytes, pieces)).toEqual(read(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});
