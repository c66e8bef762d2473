import fc from 'fast-check';
import { encodeBare, encodeCredit, encodeData, encodeWord, Opcode, ProtocolError } from 'rm-protocol';
import { describe, expect, test } from 'vitest';
import { message } from '../testing/relay-pair.ts';
import { commonVersion, encodeHello, type Hello, HelloReader } from './hello.ts';
import { PeerViolation } from './peer-violation.ts';
import {
  decodeOpen,
  decodeUnavailable,
  encodeOpen,
  encodeUnavailable,
  type OpenRequest,
  Unavailable,
} from './relay-frame.ts';
import { type RelayHandler, RelayReader } from './relay-reader.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** What a reader tells of `bytes` that come cut at these places. */
function read(bytes: Buffer, cuts: readonly number[] = []): unknown[][] {
  const events: unknown[][] = [];
  const handler = new Proxy({} as RelayHandler, {
    get:
      (_target, event: string) =>
      (channel: unknown, ...about: unknown[]) => {
        if (event !== 'data') events.push([event, channel, ...about]);
        else if (events.at(-1)?.[0] === 'data' && events.at(-1)?.[1] === channel)
          (events.at(-1) as unknown[])[2] += hex(about[0] as Buffer);
        else events.push(['data', channel, hex(about[0] as Buffer)]);
      },
  });
  const reader = new RelayReader(handler);
  let start = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    reader.push(bytes.subarray(start, cut));
    start = cut;
  }
  return events;
}

const hello: Hello = { name: 'node-b', epoch: 3, lowest: 1, highest: 1 };
const request: OpenRequest = { id: 'pump', uid: 'u1', generation: 258, port: 8080 };

describe('the wire of the relay', () => {
  test('a hello', () => {
    expect(hex(encodeHello(hello))).toBe('726d726c0101000f0000000000000003066e6f64652d62');
  });

  test('open requests, with a user and without', () => {
    expect(hex(encodeOpen(7, request))).toBe(
      '500000071f90000000000000010200047075 6d7000027531'.replace(' ', ''),
    );
    expect(hex(encodeOpen(7, { ...request, user: '' }))).toMatch(/00027531.{0}0000$/);
    expect(decodeOpen(encodeOpen(7, { ...request, user: '' }))).toEqual({ ...request, user: '' });
  });

  test('unavailable, whose reason is cut between characters', () => {
    expect(hex(encodeUnavailable(7, Unavailable.lost, 'gone'))).toBe('5100000703676f6e65');
    const { reason } = decodeUnavailable(encodeUnavailable(7, 3, 'ä'.repeat(200)));
    expect(reason).toBe('ä'.repeat(128));
    expect(decodeUnavailable(encodeUnavailable(7, 3, `x${'ä'.repeat(200)}`)).reason).toBe(
      `x${'ä'.repeat(127)}`,
    );
  });

  test.each([
    ['name', { name: '' }],
    ['name', { name: 'x'.repeat(256) }],
    ['epoch', { epoch: -1 }],
    ['epoch', { epoch: 0.5 }],
  ])('a hello with an impossible %s is a mistake of ours', (_what, wrong) => {
    expect(() => encodeHello({ ...hello, ...wrong })).toThrow(RangeError);
  });

  test.each([
    [{ port: 0 }],
    [{ port: 65536 }],
    [{ generation: -1 }],
    [{ generation: 2 ** 53 }],
    [{ id: 'x'.repeat(1025) }],
    [{ user: 'x'.repeat(1025) }],
  ])('so is an open request of %o', (wrong) => {
    expect(() => encodeOpen(7, { ...request, ...wrong })).toThrow(RangeError);
  });

  test.each([
    [{ lowest: 1, highest: 1 }, { lowest: 1, highest: 1 }, 1],
    [{ lowest: 1, highest: 1 }, { lowest: 1, highest: 3 }, 1],
    [{ lowest: 1, highest: 3 }, { lowest: 1, highest: 2 }, 2],
    [{ lowest: 2, highest: 3 }, { lowest: 1, highest: 1 }, null],
    [{ lowest: 1, highest: 1 }, { lowest: 2, highest: 3 }, null],
    [{ lowest: 1, highest: 3 }, { lowest: 3, highest: 2 }, null],
  ])('versions %o and %o: %o', (ours, theirs, version) => {
    expect(commonVersion(ours, { ...hello, ...theirs })).toBe(version);
  });
});

const channels = fc.integer({ min: 0, max: 0xffff });
const words = fc.integer({ min: 0, max: 0xffff });
const texts = fc.string({ unit: 'binary', maxLength: 200 });
const frames = fc.oneof(
  fc.tuple(channels, words).map(([channel, error]) => encodeWord(Opcode.error, channel, error)),
  fc.tuple(channels, words).map(([channel, error]) => encodeWord(Opcode.openFault, channel, error)),
  fc
    .tuple(channels, fc.integer({ min: 1, max: 0xffffffff }))
    .map(([channel, more]) => encodeCredit(channel, more)),
  channels.map((channel) => encodeBare(Opcode.close, channel)),
  channels.map((channel) => encodeBare(Opcode.openConfirm, channel)),
  fc
    .tuple(channels, fc.uint8Array({ minLength: 1, maxLength: 70_000, size: 'max' }))
    .map(([channel, bytes]) => encodeData(channel, bytes.subarray(0, 65_536))),
  fc
    .tuple(
      channels,
      fc.integer({ min: 1, max: 0xffff }),
      fc.maxSafeNat(),
      texts,
      texts,
      fc.option(texts, { nil: undefined }),
    )
    .map(([channel, port, generation, id, uid, user]) =>
      encodeOpen(channel, { port, generation, id, uid, user }),
    ),
  fc
    .tuple(channels, fc.nat(255), texts)
    .map(([channel, why, reason]) => encodeUnavailable(channel, why, reason)),
);
const cuts = fc.array(fc.nat(200_000), { maxLength: 20 });

describe('the reader', () => {
  test('tells the same wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 8 }), cuts, (sent, at) => {
        const bytes = Buffer.concat([encodeHello(hello), ...sent.map(message)]);
        const events = read(bytes);
        expect(events[0]).toEqual(['hello', hello]);
        expect(read(bytes, at)).toEqual(events);
      }),
      { numRuns: 60 },
    );
  });

  test('whatever comes, only its own errors leave it', () => {
    const damaged = fc
      .tuple(
        fc.array(frames, { maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(5_000), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([sent, changes]) => {
        const bytes = Buffer.concat([encodeHello(hello), ...sent.map(message)]);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const behindHello = anything.map((bytes) => Buffer.concat([encodeHello(hello), bytes]));
    fc.assert(
      fc.property(fc.oneof(damaged, anything, behindHello), cuts, (bytes, at) => {
        try {
          read(bytes, at);
        } catch (error) {
          expect(error instanceof PeerViolation || error instanceof ProtocolError).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a hello needs no more bytes than its own', () => {
    const bytes = encodeHello(hello);
    const reader = new HelloReader();
    for (const byte of bytes.subarray(0, -1)) expect(reader.push(Buffer.from([byte]))).toBeNull();
    expect(reader.push(Buffer.concat([bytes.subarray(-1), Buffer.from('rest')]))).toEqual({ hello, next: 1 });
  });
});
