import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  base64Decode,
  checkUpgradeResponse,
  chooseDigest,
  decodeBasic,
  decodeChallenges,
  decodeDigest,
  decodeExtension,
  decodeProperties,
  decodePropertyHeader,
  FrameDecoder,
  HeadReader,
  latin1Decode,
  ProtocolError,
  parseHttpUri,
  parseIp,
  resolveLocation,
  Socks5Client,
  UsageError,
  utf8Decode,
  utf8DecodeStrict,
  WebSocketReader,
} from './index.ts';
import { ascii, concat, feed, fuzz, fuzzTimeout, hex, sizes } from './testing/bytes.ts';

/**
 * Whatever bytes come, only the two documented kinds of error leave a parser. `RM_FUZZ_RUNS=1000000` searches longer.
 */
function onlyDocumentedErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ProtocolError) && !(error instanceof UsageError)) throw error;
  }
}

const ignore = () => undefined;
const frameHandler = {
  data: ignore,
  openRequest: ignore,
  openConfirm: ignore,
  openFault: ignore,
  close: ignore,
  error: ignore,
  credit: ignore,
  properties: ignore,
  violation: ignore,
};

/** Noise, and noise behind the beginning of something that is valid. */
function bytesBehind(...beginnings: string[]) {
  const noise = fc.uint8Array({ maxLength: 200 });
  const likely = fc.array(fc.oneof(fc.constantFrom(...beginnings.map(hex)), noise), { maxLength: 8 });
  return fc.oneof(
    noise,
    likely.map((parts) => concat(...parts)),
  );
}

/** Text of the signs that mean something to the parsers, and of any others. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...' \t\r\n,;=:"\\/()<>@[]?#%.-_~+\0\x7f\u00ff09azAZ'), maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        'Digest ',
        'Basic ',
        'nonce="x"',
        'qop=auth',
        'algorithm=MD5',
        ', ',
        'HTTP/1.1 101 x',
        'GET / HTTP/1.1',
        'HTTP/1.1',
        '\r\n',
        '\r\n\r\n',
        'A: b',
        'device;',
        'max-frame=',
        'window=1',
        'http://',
        'https://[::1]',
        ':80',
        '="',
        '\\',
        'dTpw',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
);

const ofBytes: [string, fc.Arbitrary<Uint8Array>, (bytes: Uint8Array, pieces: number[]) => void][] = [
  [
    'WebSocketReader',
    bytesBehind('82 02 0102', '02 01', '80 00', '89 00', '88 02 03e8', '82 7e 00', '82 7f 00', '8a 03'),
    (bytes, pieces) => {
      const reader = new WebSocketReader(
        { messageData: ignore, messageEnd: ignore, pinged: ignore, ponged: ignore, closed: ignore },
        1000,
      );
      feed(bytes, pieces, (piece, start, end) => reader.push(piece, start, end));
    },
  ],
  [
    'FrameDecoder',
    bytesBehind('00 00 0001', '01 00 0001 0016', '40 00 0000 02', '20 00 0001', '80 00', '81'),
    (bytes, pieces) => {
      const decoder = new FrameDecoder(frameHandler, { frameBytes: 50, propertiesBytes: 100 });
      feed(bytes, pieces, (piece, start, end) => {
        decoder.push(piece, start, end);
        if (end % 5 === 0) decoder.end();
      });
      decoder.end();
    },
  ],
  [
    'decodeProperties',
    bytesBehind('00', '01 01 61 01 62', '02 80 01', 'ff'),
    (bytes) => decodeProperties(bytes),
  ],
  [
    'Socks5Client',
    bytesBehind('05 00', '05 02', '01 00', '05 00 00 01', '05 00 00 03 ff', '05 00 00 04'),
    (bytes, pieces) => {
      const client = new Socks5Client('a', 1, { user: 'u', password: 'p' });
      feed(bytes, pieces, (piece, start, end) => client.receive(piece, start, end));
    },
  ],
  [
    'utf8Decode',
    bytesBehind('e2 82', 'f0 9f', 'ed a0', 'c0'),
    (bytes) => {
      utf8Decode(bytes);
      utf8DecodeStrict(bytes);
    },
  ],
];

const ofText: [string, (input: string, pieces: number[]) => void][] = [
  [
    'HeadReader.request',
    (input, pieces) => {
      const reader = new HeadReader(300);
      feed(ascii(`${input}\r\n\r\n`), pieces, (piece, start, end) => reader.push(piece, start, end));
      reader.request();
    },
  ],
  [
    'HeadReader.response',
    (input, pieces) => {
      const reader = new HeadReader(300);
      feed(ascii(`HTTP/1.1 101 x\r\n${input}\r\n\r\n`), pieces, (piece, start, end) =>
        reader.push(piece, start, end),
      );
      checkUpgradeResponse(reader.response(), 'x', 'y');
    },
  ],
  ['decodePropertyHeader', (input) => decodePropertyHeader(input)],
  ['decodePropertyHeader behind "device;"', (input) => decodePropertyHeader(`device;${input}`)],
  ['decodeChallenges and chooseDigest', (input) => chooseDigest(decodeChallenges(input))],
  ['decodeDigest', (input) => decodeDigest(`Digest ${input}`)],
  ['decodeBasic', (input) => decodeBasic(`Basic ${input}`)],
  ['decodeExtension', (input) => decodeExtension(input)],
  ['parseHttpUri', (input) => parseHttpUri(`http://${input}`)],
  ['resolveLocation', (input) => resolveLocation({ secure: true, host: 'a', port: 1, target: '/' }, input)],
  ['parseIp', (input) => parseIp(input)],
  ['base64Decode', (input) => base64Decode(input)],
];

describe('any bytes', () => {
  it.each(ofBytes)(
    'leave %s with documented errors only',
    (_name, bytes, parse) => {
      fc.assert(
        fc.property(bytes, sizes, (input, pieces) => onlyDocumentedErrors(() => parse(input, pieces))),
        fuzz(),
      );
    },
    fuzzTimeout,
  );

  it.each(ofText)(
    'leave %s with documented errors only',
    (_name, parse) => {
      fc.assert(
        fc.property(text, sizes, (input, pieces) => onlyDocumentedErrors(() => parse(input, pieces))),
        fuzz(),
      );
    },
    fuzzTimeout,
  );
});

/** Inputs of the largest size that a head can have, made so that a careless pattern takes very long. */
describe('long input', () => {
  const n = 16_000;
  const cases: [string, string][] = [
    ['blanks', `Digest ${' '.repeat(n)}x`],
    ['backslashes', `Digest a="${'\\'.repeat(n)}`],
    ['equal signs', `Digest ${'='.repeat(n)}"`],
    ['commas', `${','.repeat(n)}"`],
    ['tokens', `${'a '.repeat(n / 2)}"`],
    ['a quoted string that does not end', `Digest a="${'b'.repeat(n)}`],
    ['a host', `http://${'a'.repeat(n)}@`],
    ['a path', `http://a/${'a'.repeat(n)} `],
  ];

  it.each(cases)('of %s is done with at once', (_name, input) => {
    for (const [, parse] of ofText) onlyDocumentedErrors(() => parse(input, [4096]));
    expect(latin1Decode(ascii(input))).toBe(input);
  });
});
