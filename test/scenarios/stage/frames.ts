/** WebTunnel frames as bytes, written down here a second time on purpose: the suite must not trust the agent's codec. */

/** Bytes of hexadecimal text; white space only sets them apart. */
export function hex(text: string): Buffer {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Buffer.from(digits, 'hex');
}

function digits(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

/** Four hexadecimal digits, for a channel, a port or an error inside {@link hex}. */
export const u16 = (value: number) => digits(value, 4);

export const open = (channel: number, port: number) => hex(`01 00 ${u16(channel)} ${u16(port)}`);
export const confirm = (channel: number) => hex(`11 00 ${u16(channel)}`);
export const fault = (channel: number, error: number) => hex(`81 00 ${u16(channel)} ${u16(error)}`);
export const close = (channel: number) => hex(`02 00 ${u16(channel)}`);
export const error = (channel: number, code: number) => hex(`80 00 ${u16(channel)} ${u16(code)}`);
export const credit = (channel: number, bytes: number) => hex(`20 00 ${u16(channel)} ${digits(bytes, 8)}`);
export const data = (channel: number, payload: string | Uint8Array) =>
  Buffer.concat([hex(`00 00 ${u16(channel)}`), Buffer.from(payload)]);

/** A server's WebSocket frame (RFC 6455 section 5.2) from its first byte, its payload and, where wrong on purpose, a mask. */
export function webSocketFrame(first: number, payload: Uint8Array, mask?: Uint8Array): Buffer {
  const flag = mask ? 0x80 : 0;
  const size = payload.length;
  const length =
    size < 126
      ? hex(digits(flag | size, 2))
      : size < 0x10000
        ? hex(`${digits(flag | 126, 2)} ${digits(size, 4)}`)
        : hex(`${digits(flag | 127, 2)} ${digits(size, 16)}`);
  const masked = mask ? payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0)) : payload;
  return Buffer.concat([hex(digits(first, 2)), length, mask ?? Buffer.alloc(0), masked]);
}
