import {
  base64Decode,
  decodeBasic,
  decodeChallenges,
  decodeDigest,
  decodeExtension,
  decodeProperties,
  decodePropertyHeader,
  FrameDecoder,
  HeadReader,
  latin1Decode,
  latin1Encode,
  ProtocolError,
  parseHttpUri,
  parseIp,
  Socks5Client,
  UsageError,
  utf8Decode,
  utf8DecodeStrict,
  WebSocketReader,
} from 'rm-protocol';
import { decode } from '../../src/mqtt/codec.ts';

/**
 * Every parser of the wire on the tiny engine, with damaged examples cut anywhere: what escapes but the two documented
 * kinds of error, or what a sanitizer finds in the engine meanwhile, fails. Runs under `rm-run`, bundled.
 */

declare const rmNative: {
  system: { print(stream: 1 | 2, text: string): void; arguments: readonly string[] };
};
/** Set by the test that bundles this. */
declare const ROUNDS: number;
declare const SEED: number;

let state = SEED;
/** Uniform in 0…bound-1 (xorshift32). */
function random(bound: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}

const examples = [
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'POST /a?b HTTP/1.1\r\nHost: dev1.test:19001\r\nX-PTTH-Set-Property: device;name="a \\"b\\""\r\n\r\n',
  '\x82\x06\x00\x00\x00\x01hi\x89\x01p\x88\x04\x03\xe8ok',
  '\x02\x04\x01\x00\x00\x07\x80\x7e\x00\x80',
  '\x01\x00\x00\x07\x00\x16\x20\x00\x00\x07\x00\x01\x00\x00',
  '\x40\x00\x00\x00\x02\x01a\x02bc\x81\x00d\x00',
  '\x05\x00\x05\x00\x00\x03\x02ab\x00\x50',
  'Digest realm="a", nonce="b", qop="auth, auth-int", algorithm=SHA-256, Basic realm="c"',
  'Digest username="u", realm="r", nonce="n", uri="/", response="0", qop=auth, nc=00000001, cnonce="c"',
  'Basic YWxhZGRpbjpvcGVuc2VzYW1l',
  'max-frame=65536, window=262144',
  'device;targetPorts=22, 80',
  'https://[::1]:8443/path?query#part',
  '\x20\x0b\x00\x00\x08\x21\x00\x0a\x13\x00\x1e\x25\x00',
  '\x30\x11\x00\x01t\x09\x0b\x26\x00\x01a\x00\x01bhi\x00\x00',
  '\x32\x08\x00\x01t\x00\x0a\x00hi',
  'Zm9vYmE=\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80',
];

/** An example with some bytes changed, doubled, left out or moved. */
function damaged(): Uint8Array {
  const bytes = [...latin1Encode(examples[random(examples.length)] ?? '')];
  for (let i = random(8); i > 0; i--) {
    const at = random(bytes.length + 1);
    const kind = random(4);
    if (kind === 0) bytes.splice(at, 1);
    else if (kind === 1) bytes.splice(at, 0, random(256));
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(random(bytes.length + 1)));
    else bytes[Math.min(at, Math.max(0, bytes.length - 1))] = random(256);
  }
  return new Uint8Array(bytes);
}

/** Feeds `bytes` in pieces of random length. */
function pieces(bytes: Uint8Array, push: (bytes: Uint8Array, start: number, end: number) => unknown): void {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random(9));
    push(bytes, at, end);
    at = end;
  }
}

let events = 0;
const count = () => {
  events++;
};
const frames = {
  data: count,
  openRequest: count,
  openConfirm: count,
  openFault: count,
  close: count,
  error: count,
  credit: count,
  properties: count,
  violation: count,
};
const messages = { messageData: count, messageEnd: count, pinged: count, ponged: count, closed: count };

const parsers: ((bytes: Uint8Array) => unknown)[] = [
  (bytes) => {
    const reader = new WebSocketReader(messages, 1000);
    pieces(bytes, (all, start, end) => reader.push(all, start, end));
  },
  (bytes) => {
    const decoder = new FrameDecoder(frames, { frameBytes: 64, propertiesBytes: 64 });
    pieces(bytes, (all, start, end) => decoder.push(all, start, end));
    decoder.end();
  },
  (bytes) => {
    const reader = new HeadReader(512);
    let complete = false;
    pieces(bytes, (all, start, end) => {
      complete ||= reader.push(all, start, end) >= 0;
    });
    if (complete) random(2) === 0 ? reader.request() : reader.response();
  },
  (bytes) => {
    const client = new Socks5Client('a', 1, { user: 'u', password: 'p' });
    pieces(bytes, (all, start, end) => client.receive(all, start, end));
  },
  (bytes) => decodeProperties(bytes),
  (bytes) => decode(4, bytes),
  (bytes) => decode(5, bytes),
  (bytes) => utf8Decode(bytes) + utf8DecodeStrict(bytes),
  ...[
    decodeChallenges,
    decodeDigest,
    decodeBasic,
    decodeExtension,
    decodePropertyHeader,
    parseHttpUri,
    parseIp,
    base64Decode,
  ].map((parse) => (bytes: Uint8Array) => parse(latin1Decode(bytes))),
];

let refused = 0;
for (let round = 0; round < ROUNDS; round++) {
  const bytes = damaged();
  for (const parse of parsers) {
    try {
      parse(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof UsageError)) {
        rmNative.system.print(2, `round ${round} of seed ${SEED}: ${error}\n`);
        throw error;
      }
      refused++;
    }
  }
}
rmNative.system.print(1, `${JSON.stringify(['fuzzed', ROUNDS, refused > 0, events > 0])}\n`);
