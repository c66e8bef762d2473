/** Conversions between bytes and strings; the engines the agent runs on do not all have TextEncoder. */

/** One code unit a byte (ISO 8859-1), as HTTP heads are read. */
export function latin1Decode(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  // Argument lists have an engine limit; 4,096 is below that of every engine.
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 4096)));
  }
  return text;
}

/** The reverse of {@link latin1Decode}; code units above 255 become `?`, so that none turns into a control byte. */
export function latin1Encode(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[i] = unit > 255 ? 63 : unit;
  }
  return bytes;
}

/** UTF-8 (RFC 3629); a lone surrogate becomes U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (const character of text) {
    let point = character.codePointAt(0) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) {
      bytes[at++] = point;
    } else if (point < 0x800) {
      bytes[at++] = 0xc0 | (point >> 6);
      bytes[at++] = 0x80 | (point & 63);
    } else if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12);
      bytes[at++] = 0x80 | ((point >> 6) & 63);
      bytes[at++] = 0x80 | (point & 63);
    } else {
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 63);
      bytes[at++] = 0x80 | ((point >> 6) & 63);
      bytes[at++] = 0x80 | (point & 63);
    }
  }
  return bytes.slice(0, at);
}

/** Bytes of the sequence that starts with `lead`, or 0 when it cannot start one (RFC 3629 section 4). */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

/** The code point at `at`, or -1 when the sequence is overlong, a surrogate, cut short or above U+10FFFF. */
function codePointAt(bytes: Uint8Array, at: number, length: number, end: number): number {
  const lead = bytes[at] ?? 0;
  if (length === 1) return lead;
  if (length === 0 || at + length > end) return -1;
  let point = lead & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i] ?? 0;
    if ((next & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (next & 63);
  }
  if (length === 3 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) return -1;
  if (length === 4 && (point < 0x10000 || point > 0x10ffff)) return -1;
  return point;
}

function decode(bytes: Uint8Array, start: number, end: number, onError: 'replace' | 'refuse'): string | null {
  let text = '';
  for (let at = start; at < end; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const point = codePointAt(bytes, at, length, end);
    if (point < 0) {
      if (onError === 'refuse') return null;
      text += '\ufffd';
      at++;
    } else {
      text += String.fromCodePoint(point);
      at += length;
    }
  }
  return text;
}

/** UTF-8 to text; each byte that does not fit becomes U+FFFD. */
export function utf8Decode(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return decode(bytes, start, end, 'replace') ?? '';
}

/** UTF-8 to text, or `null` when the bytes are not valid UTF-8, as RFC 6455 section 8.1 demands. */
export function utf8DecodeStrict(bytes: Uint8Array, start = 0, end = bytes.length): string | null {
  return decode(bytes, start, end, 'refuse');
}

/** `text` on one line and without what controls a terminal: control characters, of ISO 6429's second set too, become spaces. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ');
}

/** Lower-case hexadecimal. */
export function hexEncode(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16);
  return text;
}
