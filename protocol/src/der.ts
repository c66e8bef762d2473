/** One element of DER (X.690 section 10): its tag, and where its contents lie. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** The element at `at`, which must end within `limit` and, if one is given, have this tag; `null` otherwise. */
export function derElement(der: Uint8Array, at: number, limit: number, tag?: number): DerElement | null {
  const found = der[at] ?? 0;
  let length = der[at + 1] ?? 0;
  let start = at + 2;
  if (length === 0x80 || length > 0x83) return null;
  for (let count = length > 0x80 ? length & 0x7f : 0, first = true; count > 0; count--, first = false) {
    length = (first ? 0 : length * 256) + (der[start++] ?? 0);
  }
  const end = start + length;
  return end > limit || (tag !== undefined && found !== tag) ? null : { tag: found, start, end };
}

/** The elements that fill `start` to `end`, one behind the other; `null` when they do not. */
export function derElements(der: Uint8Array, start: number, end: number): DerElement[] | null {
  const elements: DerElement[] = [];
  let at = start;
  while (at < end) {
    const next = derElement(der, at, end);
    if (!next) return null;
    elements.push(next);
    at = next.end;
  }
  return elements;
}
