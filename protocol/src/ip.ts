/** The 4 bytes of an IPv4 literal in dotted decimal, or `null`. Leading zeros are refused: they mean octal to some. */
function ipv4(text: string): Uint8Array | null {
  const parts = text.split('.');
  const right =
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return right ? Uint8Array.from(parts, Number) : null;
}

/**
 * The 16 bytes of an IPv6 literal (RFC 4291 section 2.2) or the 4 of an IPv4 literal; `null` for anything else, a zone
 * (`%eth0`) and brackets included.
 */
export function parseIp(text: string): Uint8Array | null {
  if (!text.includes(':')) return ipv4(text);
  // The last 32 bits may be written as IPv4.
  const [, front = '', tail] = /^(.*:)(\d+\.[\d.]+)$/.exec(text) ?? [text, text];
  const embedded = tail === undefined ? new Uint8Array() : ipv4(tail);
  if (!embedded) return null;
  const halves = (tail === undefined ? front : front.replace(/([^:]):$/, '$1')).split('::');
  if (halves.length > 2) return null;
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (![...left, ...right].every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return null;
  const groups = left.length + right.length + embedded.length / 2;
  if (halves.length === 2 ? groups > 7 : groups !== 8) return null;
  const bytes = new Uint8Array(16);
  const put = (list: readonly string[], from: number) =>
    list.forEach((group, index) => {
      bytes[from + 2 * index] = Number.parseInt(group, 16) >> 8;
      bytes[from + 2 * index + 1] = Number.parseInt(group, 16) & 255;
    });
  put(left, 0);
  put(right, 16 - embedded.length - 2 * right.length);
  bytes.set(embedded, 16 - embedded.length);
  return bytes;
}
