import { describe, expect, test } from 'vitest';
import { PagedList } from './paged-list.ts';

interface Item {
  readonly id: string;
  readonly seen?: number;
}

/** A server with items in pages of ten. */
class Source {
  items: Item[];
  readonly asked: (string | null)[] = [];
  broken = false;

  constructor(count: number) {
    this.items = Array.from({ length: count }, (_, i) => ({ id: `n${String(i).padStart(6, '0')}` }));
  }

  /** `gate`: what each answer waits for, once it is made. */
  list(keptPages = 40, gate = async () => {}): PagedList<Item> {
    return new PagedList<Item>({
      idOf: ({ id }) => id,
      keptPages,
      read: async (cursor) => {
        this.asked.push(cursor);
        if (this.broken) throw new Error('away');
        const rest = this.items.filter(({ id }) => cursor === null || id > cursor);
        const items = rest.slice(0, 10);
        await gate();
        return { items, next: rest.length > 10 ? (items.at(-1)?.id ?? null) : null };
      },
    });
  }
}

/** As somebody scrolls: until `rows` are known, or all. */
async function scrollTo(list: PagedList<Item>, rows: number): Promise<void> {
  while (list.length.value < rows && !list.ended.value)
    await list.look(list.length.value - 1, list.length.value);
}

describe('a list in pages', () => {
  test('grows as somebody goes down, and knows its end', async () => {
    const list = new Source(25).list();
    expect(list.known).toBe(false);
    await list.look(0, 5);
    expect([list.known, list.length.value, list.ended.value]).toEqual([true, 10, false]);
    await scrollTo(list, 100);
    expect([list.length.value, list.ended.value, list.at(24)?.id, list.at(25)]).toEqual([
      25,
      true,
      'n000024',
      undefined,
    ]);
  });

  test('asks for nothing that it has', async () => {
    const source = new Source(25);
    const list = source.list();
    await list.look(0, 5);
    await list.look(0, 5);
    await list.look(3, 7);
    expect(source.asked).toEqual([null]);
  });

  test('holds no more pages than it may, and reads again what somebody comes back to', async () => {
    const source = new Source(300);
    const list = source.list(4);
    await scrollTo(list, 300);
    expect([...list.held()].length).toBeLessThanOrEqual(50);
    expect([list.length.value, list.at(0)]).toEqual([300, undefined]);
    await list.look(0, 5);
    expect(list.at(0)?.id).toBe('n000000');
  });

  test('changes and removes rows that it holds', async () => {
    const list = new Source(25).list();
    await list.look(0, 5);
    const before = list.revision.value;
    expect(list.update('n000003', (item) => ({ ...item }))).toBe(true);
    expect(list.revision.value).toBeGreaterThan(before);
    expect(list.remove('n000003')).toBe(true);
    expect([list.length.value, list.at(3)?.id, list.find('n000003')]).toEqual([9, 'n000004', undefined]);
    expect(list.update('n000020', (item) => item)).toBe(false);
    expect(list.remove('never')).toBe(false);
  });

  test('says what has failed, and goes on when it is looked at again', async () => {
    const source = new Source(25);
    const list = source.list();
    await list.look(0, 5);
    source.broken = true;
    await list.look(9, 10);
    expect([list.fault.value, list.length.value]).toEqual([new Error('away'), 10]);
    source.broken = false;
    await list.look(9, 10);
    expect([list.fault.value, list.length.value]).toEqual([null, 20]);
  });

  test('reads nothing once it is closed', async () => {
    const source = new Source(5);
    const list = source.list();
    list.close();
    await list.look(0, 5);
    expect(source.asked).toEqual([]);
  });

  test('what happens while a page is read is true of it, whichever was first', async () => {
    const source = new Source(25);
    const opened: (() => void)[] = [];
    const gate = () => new Promise<void>((resolve) => opened.push(resolve));
    const list = source.list(40, gate);
    const looked = list.look(0, 5);
    expect(list.update('n000003', ({ id }) => ({ id, seen: 1 }))).toBe(false);
    list.update('n000003', ({ id, seen }) => ({ id, seen: (seen ?? 0) + 1 }));
    list.remove('n000004');
    opened.shift()?.();
    await looked;
    expect([list.length.value, list.find('n000003')?.seen, list.find('n000004')]).toEqual([9, 2, undefined]);
    // Of the next page, while the first one is held.
    const more = list.look(8, 9);
    list.update('n000012', ({ id }) => ({ id, seen: 1 }));
    opened.shift()?.();
    await more;
    expect(list.find('n000012')?.seen).toBe(1);
    // What was replayed is not replayed again.
    expect(list.find('n000003')?.seen).toBe(2);
  });

  test('a row that moved to another page while pages were let go is found where it is now', async () => {
    const source = new Source(20);
    const list = source.list();
    await scrollTo(list, 20);
    source.items = source.items.slice(1);
    expect(list.remove('n000000')).toBe(true);
    expect(list.find('n000001')).toEqual({ id: 'n000001' });
  });
});
