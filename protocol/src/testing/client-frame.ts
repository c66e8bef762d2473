import { MAX_HEADER_BYTES, writeClientHeader } from '../websocket-frame.ts';
import { hex } from './bytes.ts';

/** The masking key of RFC 6455 section 5.7. */
const key = hex('37 fa 21 3d');

/** One masked frame, whole. */
export function clientFrame(opcode: number, payload: Uint8Array, maskKey = key): Uint8Array {
  const frame = new Uint8Array(MAX_HEADER_BYTES + payload.length);
  const at = writeClientHeader(frame, 0, opcode, payload.length, maskKey);
  payload.forEach((byte, i) => {
    frame[at + i] = byte ^ (maskKey[i & 3] ?? 0);
  });
  return frame.subarray(0, at + payload.length);
}
