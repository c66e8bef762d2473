import { UsageError } from './errors.ts';

/**
 * WebTunnel frames (`webtunnel.md` sections 2 and 5). One WebSocket binary message carries one frame: opcode u8,
 * flags u8 (0), channel u16, then what the opcode demands; integers are big-endian.
 */

export const Opcode = {
  data: 0x00,
  openRequest: 0x01,
  close: 0x02,
  openConfirm: 0x11,
  /** Of our extension: u32 increment of the channel's credit. */
  credit: 0x20,
  properties: 0x40,
  error: 0x80,
  openFault: 0x81,
} as const;

/** The error numbers of open fault and error frames. */
export const ChannelError = {
  badChannel: 1,
  notForwarded: 2,
  refused: 3,
  timeout: 4,
  socket: 5,
  violation: 6,
  inUse: 7,
} as const;

export type ChannelErrorCode = (typeof ChannelError)[keyof typeof ChannelError];

/** Bytes before the payload of every frame. */
export const FRAME_HEADER_BYTES = 4;

/** The largest data payload for a peer that has not announced the extension (`webtunnel.md` section 3). */
export const LEGACY_FRAME_BYTES = 2048;

/** What each {@link ChannelError} means, from 1. */
const channelErrorWords = [
  'no such channel',
  'port not forwarded',
  'connection refused',
  'timed out',
  'socket error',
  'protocol violation',
  'channel in use',
];

/** One line for a person, of an error number that came over the wire. */
export function describeChannelError(error: number): string {
  return channelErrorWords[error - 1] ?? `unknown error ${error}`;
}

/** Writes the four bytes that start every frame, at `at` in `target`. */
export function writeFrameHeader(target: Uint8Array, at: number, opcode: number, channel: number): void {
  target[at] = opcode;
  target[at + 1] = 0;
  target[at + 2] = channel >> 8;
  target[at + 3] = channel;
}

/** A frame without a payload: open confirm or close. */
export function encodeBare(
  opcode: typeof Opcode.openConfirm | typeof Opcode.close,
  channel: number,
): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(frame, 0, opcode, channel);
  return frame;
}

/** A frame with one u16: the port of an open request, the error of a fault or an error frame. */
export function encodeWord(
  opcode: typeof Opcode.openRequest | typeof Opcode.openFault | typeof Opcode.error,
  channel: number,
  value: number,
): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + 2);
  writeFrameHeader(frame, 0, opcode, channel);
  frame[4] = value >> 8;
  frame[5] = value;
  return frame;
}

/** Grants `increment` (1 to 2^32-1) more payload bytes on a channel. */
export function encodeCredit(channel: number, increment: number): Uint8Array {
  if (!(increment >= 1 && increment <= 0xffffffff)) throw new UsageError(`credit out of range: ${increment}`);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + 4);
  writeFrameHeader(frame, 0, Opcode.credit, channel);
  frame[4] = increment >>> 24;
  frame[5] = increment >>> 16;
  frame[6] = increment >>> 8;
  frame[7] = increment;
  return frame;
}

/** A data frame with a copy of `bytes[start..end)`. */
export function encodeData(channel: number, bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + end - start);
  writeFrameHeader(frame, 0, Opcode.data, channel);
  frame.set(bytes.subarray(start, end), FRAME_HEADER_BYTES);
  return frame;
}
