import type { Page } from '../api/call.ts';

/** Reads at least `rows` rows again, or all there are, and at least the first page: so what somebody has asked for more of stays. */
export async function readPages<Item>(
  read: (cursor: string | null) => Promise<Page<Item>>,
  rows: number,
): Promise<Page<Item>> {
  const items: Item[] = [];
  let next: string | null = null;
  do {
    const page: Page<Item> = await read(next);
    items.push(...page.items);
    next = page.next;
  } while (next !== null && items.length < rows);
  return { items, next };
}
