/** Strings of RFC 4251 section 5: a length of four bytes, and that many bytes. */

export function writeStrings(...strings: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(strings.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const string of strings) {
    view.setUint32(at, string.length);
    all.set(string, at + 4);
    at += 4 + string.length;
  }
  return all;
}

/** Throws when they do not fill the bytes. */
export function readStrings(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const strings: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? view.getUint32(at) : bytes.length;
    if (at + 4 + length > bytes.length) throw new Error('a string is cut off');
    strings.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}
