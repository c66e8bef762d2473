/** Which rows of a long list are drawn. Lengths in CSS pixels. */
export interface RowsInView {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** `overscan`: rows beyond each edge, so that none is missing while somebody scrolls. */
export function rowsInView(
  scrolled: number,
  height: number,
  rowHeight: number,
  count: number,
  overscan = 12,
): RowsInView {
  const first = Math.max(0, Math.min(count, Math.floor(scrolled / rowHeight) - overscan));
  const end = Math.min(count, Math.ceil((scrolled + height) / rowHeight) + overscan);
  return { first, end: Math.max(first, end) };
}

/** Where a list has to be scrolled to, so that this row is in view; where it is, if it is already. */
export function scrollFor(index: number, scrolled: number, height: number, rowHeight: number): number {
  const top = index * rowHeight;
  if (top < scrolled) return top;
  if (top + rowHeight > scrolled + height) return top + rowHeight - height;
  return scrolled;
}

/** The row that a key leads to; `null`: it is no key of the list. `page`: rows in view. */
export function rowForKey(key: string, row: number, count: number, page: number): number | null {
  const last = count - 1;
  const to: Readonly<Record<string, number>> = {
    ArrowDown: row + 1,
    ArrowUp: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: last,
  };
  if (count === 0 || !Object.hasOwn(to, key)) return null;
  return Math.max(0, Math.min(last, to[key] ?? 0));
}
