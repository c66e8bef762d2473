import { FRAME_HEADER_BYTES, writeFrameHeader } from 'rm-protocol';
import { PeerViolation } from './peer-violation.ts';
import { decodeText } from './text.ts';

/*
 * Frames that only nodes exchange, beside those of WebTunnel. They begin with the same four bytes: opcode, 0, channel. Integers are
 * big-endian.
 */

export const RelayOpcode = {
  /** Port (2), generation (8), then id, uid and, if there is one, user, each as length (2) and UTF-8. */
  open: 0x50,
  /** Why (1), then a sentence in UTF-8. Ends the channel, or answers its open request. */
  unavailable: 0x51,
} as const;

/** Why the owner cannot carry a channel, without the device having had a part in it. */
export const Unavailable = {
  /** The tunnel does not end at this node. */
  notHere: 1,
  /** It carries as many channels as it may, or the node does. */
  full: 2,
  /** It has ended. */
  lost: 3,
} as const;

/** What is constant in version 1, and so needs no negotiation. */
export const relayTerms = {
  /** Largest payload of a data frame. */
  maxFrame: 65536,
  /** Credit of each channel and direction at the start. */
  window: 1024 * 1024,
  /** Credit is granted when the reader has taken this much: as often as a device does. */
  grantBytes: 128 * 1024,
} as const;

/** The tunnel that is meant. */
export interface RelayTarget {
  readonly id: string;
  readonly uid: string;
  /** Whole number from 0 to 2^53-1. */
  readonly generation: number;
}

export interface OpenRequest extends RelayTarget {
  /** 1 to 65,535. */
  readonly port: number;
  /** `uid` of the user for whom it is. */
  readonly user?: string | undefined;
}

/** An id, a uid: as they are stored, they are shorter. */
const maxTextBytes = 1024;
const fixedBytes = FRAME_HEADER_BYTES + 2 + 8;
/** The longest frame of this file. */
export const maxRelayFrameBytes = fixedBytes + 3 * (2 + maxTextBytes);
const maxReasonBytes = 256;

/** Throws `RangeError` for what is out of its bounds. */
export function encodeOpen(channel: number, { port, generation, id, uid, user }: OpenRequest): Buffer {
  if (!(port >= 1 && port <= 0xffff)) throw new RangeError(`port ${port}`);
  if (!Number.isSafeInteger(generation) || generation < 0) throw new RangeError(`generation ${generation}`);
  const texts = (user === undefined ? [id, uid] : [id, uid, user]).map((text) => Buffer.from(text));
  for (const text of texts)
    if (text.length > maxTextBytes) throw new RangeError(`a text of more than ${maxTextBytes} bytes`);
  const frame = Buffer.alloc(texts.reduce((bytes, text) => bytes + 2 + text.length, fixedBytes));
  writeFrameHeader(frame, 0, RelayOpcode.open, channel);
  frame.writeUInt16BE(port, 4);
  frame.writeBigUInt64BE(BigInt(generation), 6);
  let at = fixedBytes;
  for (const text of texts) {
    at = frame.writeUInt16BE(text.length, at);
    at += text.copy(frame, at);
  }
  return frame;
}

/** Throws {@link PeerViolation}. */
export function decodeOpen(frame: Buffer): OpenRequest {
  if (frame.length < fixedBytes) throw new PeerViolation(`open request of ${frame.length} bytes`);
  const port = frame.readUInt16BE(4);
  if (port === 0) throw new PeerViolation('open request for port 0');
  const generation = frame.readBigUInt64BE(6);
  if (generation > BigInt(Number.MAX_SAFE_INTEGER)) throw new PeerViolation('generation beyond 2^53');
  const texts: string[] = [];
  let at = fixedBytes;
  while (at < frame.length) {
    if (texts.length === 3 || at + 2 > frame.length)
      throw new PeerViolation('open request with bytes left over');
    const end = at + 2 + frame.readUInt16BE(at);
    if (end > frame.length) throw new PeerViolation('open request with a text that is cut off');
    if (end - at - 2 > maxTextBytes)
      throw new PeerViolation(`open request with a text of more than ${maxTextBytes} bytes`);
    texts.push(decodeText(frame.subarray(at + 2, end), 'open request with a text'));
    at = end;
  }
  const [id, uid, user] = texts;
  if (id === undefined || uid === undefined) throw new PeerViolation('open request without a device');
  return { port, generation: Number(generation), id, uid, ...(user === undefined ? {} : { user }) };
}

/** `reason` is cut to 256 bytes. */
export function encodeUnavailable(channel: number, why: number, reason = ''): Buffer {
  let text = Buffer.from(reason);
  // Not in the middle of a character.
  if (text.length > maxReasonBytes) {
    let end = maxReasonBytes;
    while (((text[end] ?? 0) & 0xc0) === 0x80) end--;
    text = text.subarray(0, end);
  }
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + 1 + text.length);
  writeFrameHeader(frame, 0, RelayOpcode.unavailable, channel);
  frame[FRAME_HEADER_BYTES] = why;
  text.copy(frame, FRAME_HEADER_BYTES + 1);
  return frame;
}

/** Throws {@link PeerViolation}. `why` may be a number that a later version has added. */
export function decodeUnavailable(frame: Buffer): { readonly why: number; readonly reason: string } {
  const why = frame[FRAME_HEADER_BYTES];
  if (why === undefined || frame.length > FRAME_HEADER_BYTES + 1 + maxReasonBytes)
    throw new PeerViolation(`unavailable frame of ${frame.length} bytes`);
  return { why, reason: decodeText(frame.subarray(FRAME_HEADER_BYTES + 1), 'reason') };
}
