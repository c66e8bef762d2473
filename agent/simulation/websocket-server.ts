import { concat } from '../../protocol/src/testing/bytes.ts';

/** A frame as a server sends it: not masked. */
export function serverFrame(
  opcode: number,
  payload: Uint8Array = new Uint8Array(),
  final = true,
): Uint8Array {
  const { length } = payload;
  const header = [(final ? 0x80 : 0) | opcode];
  if (length < 126) header.push(length);
  else if (length < 65_536) header.push(126, length >> 8, length & 255);
  else
    header.push(
      127,
      0,
      0,
      0,
      0,
      (length >>> 24) & 255,
      (length >>> 16) & 255,
      (length >>> 8) & 255,
      length & 255,
    );
  return concat(Uint8Array.from(header), payload);
}

/** Reads the frames that a client sends, in a way that has no line in common with the agent's code. */
export class ClientFrames {
  /** The masking keys seen, as hexadecimal text. */
  readonly keys: string[] = [];
  readonly #message: (opcode: number, payload: Uint8Array) => void;
  #bytes: Uint8Array = new Uint8Array();

  constructor(message: (opcode: number, payload: Uint8Array) => void) {
    this.#message = message;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    const all = concat(this.#bytes, bytes.subarray(start, end));
    let at = 0;
    for (let used = this.#frame(all.subarray(at)); used > 0; used = this.#frame(all.subarray(at))) at += used;
    this.#bytes = all.slice(at);
  }

  /** Reads the frame that `bytes` begin with; returns its length, or 0 when more is to come. */
  #frame(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.byteLength < 2) return 0;
    const [first, second] = [view.getUint8(0), view.getUint8(1)];
    const form = second & 127;
    const keyAt = form < 126 ? 2 : form === 126 ? 4 : 10;
    if (view.byteLength < keyAt + 4) return 0;
    const length = form < 126 ? form : form === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
    const dataAt = keyAt + 4;
    if (view.byteLength < dataAt + length) return 0;
    if ((first & 0xf0) !== 0x80) throw new Error('client frame is fragmented or has a reserved bit');
    if (second < 128) throw new Error('client frame is not masked');
    const key = bytes.slice(keyAt, dataAt);
    this.keys.push(Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join(''));
    const payload = bytes.slice(dataAt, dataAt + length);
    for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (key[i % 4] ?? 0);
    this.#message(first & 15, payload);
    return dataAt + length;
  }
}
