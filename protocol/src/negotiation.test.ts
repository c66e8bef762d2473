import { describe, expect, it } from 'vitest';
import { ProtocolError } from './errors.ts';
import { HeaderFields } from './http-head.ts';
import { acceptAnswer, answerOffer, decodeExtension, encodeTerms, type Offer } from './negotiation.ts';

const ours: Offer = { keepAlive: 300, extension: { maxFrame: 65_536, window: 262_144 } };
const least = { maxFrame: 2048, window: 2048 };

/** The headers of the other end; `null`: without this one. */
function headers(keepAlive: string | null, extension: string | null): HeaderFields {
  return new HeaderFields([
    ...(keepAlive === null ? [] : [['X-WebTunnel-KeepAlive', keepAlive] as const]),
    ...(extension === null ? [] : [['X-WebTunnel-Extensions', extension] as const]),
  ]);
}

describe('the extension header', () => {
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
});

describe('terms', () => {
  it('are written as webtunnel.md sections 1 and 5 have them', () => {
    expect(encodeTerms(ours)).toEqual([
      ['X-WebTunnel-KeepAlive', '300'],
      ['X-WebTunnel-Extensions', 'max-frame=65536, window=262144'],
    ]);
    expect(encodeTerms({ keepAlive: 1, extension: null })).toEqual([['X-WebTunnel-KeepAlive', '1']]);
  });
});

/** Values of the header, and what they ask for. */
const keepAlives: [string | null, number | null][] = [
  ['1', 1],
  ['60', 60],
  ['00060', 60],
  ['300', 300],
  ['4000', 4000],
  ['86400', 86_400],
  [null, null],
  ['', null],
  ['0', null],
  ['86401', null],
  ['000060', null],
  ['-1', null],
  ['1.5', null],
  ['soon', null],
  ['60, 30', null],
];

describe('the reflector answers', () => {
  it.each(keepAlives)('a keep-alive time of %j with it, but no more than its own', (value, asked) => {
    const { keepAlive } = answerOffer(ours, headers(value, null), least);
    expect(keepAlive).toBe(Math.min(asked ?? 300, 300));
  });

  it.each<[string | null, Offer['extension'] | null]>([
    [null, null],
    ['window=1', null],
    ['max-frame=16384, window=1000000', { maxFrame: 16_384, window: 262_144 }],
    ['max-frame=1000000, window=4096', { maxFrame: 65_536, window: 4096 }],
    ['max-frame=2048, window=2048', { maxFrame: 2048, window: 2048 }],
    ['max-frame=2047, window=2048', null],
    ['max-frame=2048, window=2047', null],
  ])('the extension %j with the smaller of each value, unless it is too small', (value, extension) => {
    expect(answerOffer(ours, headers(null, value), least).extension).toEqual(extension);
  });

  it('an extension that cannot be read with an error', () => {
    expect(() => answerOffer(ours, headers('60', 'max-frame=x, window=1'), least)).toThrow(ProtocolError);
  });
});

describe('an answer', () => {
  const fail = (error: ProtocolError) => {
    throw error;
  };

  it.each(keepAlives)('with the keep-alive time %j is followed', (value, asked) => {
    expect(acceptAnswer(ours, headers(value, null), fail).keepAlive).toBe(asked ?? 300);
  });

  it.each<[string | null, Offer['extension'] | null]>([
    [null, null],
    ['max-frame=1', null],
    ['max-frame=1, window=2', { maxFrame: 1, window: 2 }],
    ['max-frame=1000000, window=1000000', { maxFrame: 65_536, window: 262_144 }],
  ])('with the extension %j puts the smaller of each value in force', (value, extension) => {
    expect(acceptAnswer(ours, headers(null, value), fail).extension).toEqual(extension);
  });

  it('that cannot be read is told, and leaves the extension out', () => {
    const told: string[] = [];
    const answer = headers('60', 'max-frame=0, window=1');
    expect(acceptAnswer(ours, answer, ({ message }) => told.push(message))).toEqual({
      keepAlive: 60,
      extension: null,
    });
    expect(told).toEqual(['max-frame=0: must be a number from 1 to 2147483647']);
    expect(() => acceptAnswer(ours, answer, fail)).toThrow(ProtocolError);
  });

  it.each([null, 'max-frame=4096, window=9000', 'max-frame=1, window=1'])(
    'to the offer %j puts the same in force at both ends',
    (extension) => {
      const offer = extension === null ? null : decodeExtension(extension);
      const answered = answerOffer(ours, headers('25', extension), least);
      const fields = new HeaderFields(encodeTerms(answered));
      const offered: Offer = { keepAlive: 25, extension: offer ?? ours.extension };
      expect(acceptAnswer(offered, fields, fail)).toEqual(answered);
    },
  );
});
