/** Whether a value, or one in a list, has a NUL. */
export function hasNul(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasNul);
  return typeof value === 'string' && value.includes('\0');
}

/** For what a peer says of itself: it is kept, with U+FFFD in the place of NUL. */
export function withoutNul<Text extends string | null>(text: Text): Text {
  return (text?.replaceAll('\0', '\ufffd') ?? null) as Text;
}

/** What has the same keys behind it, since no key has a NUL: in `C` order, `a` and `a`, NUL, `b` have. */
export function beforeNul(after: string): string {
  return after.split('\0', 1)[0] ?? '';
}
