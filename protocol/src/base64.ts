const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 with padding (RFC 4648 section 4). */
export function base64Encode(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += alphabet.charAt(group >> 18) + alphabet.charAt((group >> 12) & 63);
    text += i + 1 < bytes.length ? alphabet.charAt((group >> 6) & 63) : '=';
    text += i + 2 < bytes.length ? alphabet.charAt(group & 63) : '=';
  }
  return text;
}

/** The reverse of {@link base64Encode}; `null` when `text` is not padded, canonical Base64. */
export function base64Decode(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let group = 0;
  let at = 0;
  for (let i = 0; i < text.length - padding; i++) {
    const value = alphabet.indexOf(text.charAt(i));
    if (value < 0) return null;
    group = ((group << 6) | value) & 0xffffff;
    if (i % 4 === 3) {
      bytes[at++] = group >> 16;
      bytes[at++] = group >> 8;
      bytes[at++] = group;
    }
  }
  if (padding === 1) {
    if (group & 3) return null;
    bytes[at++] = group >> 10;
    bytes[at++] = group >> 2;
  } else if (padding === 2) {
    if (group & 15) return null;
    bytes[at++] = group >> 4;
  }
  return bytes;
}
