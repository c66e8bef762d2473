import { signal } from '@preact/signals';
import type { Page } from '../api/call.ts';

/** Reads the page that begins at a cursor; `null`: the first. */
export type ReadPage<Item> = (cursor: string | null, signal: AbortSignal) => Promise<Page<Item>>;

export interface PagedListOptions<Item> {
  readonly read: ReadPage<Item>;
  readonly idOf: (item: Item) => string;
  /** Pages whose items are kept: far from what is looked at, only their cursors are. */
  readonly keptPages?: number;
}

interface Part<Item> {
  readonly cursor: string | null;
  /** `null`: not read, or let go. */
  items: readonly Item[] | null;
  /** How many there were when it was last read. */
  length: number;
  /** While it is read: what changes meanwhile, as the answer may be from before; `null`: it is not read. */
  meanwhile: ((items: readonly Item[]) => readonly Item[])[] | null;
}

/**
 * A list that is longer than what is held of it: rows by place, read in pages as they are looked at. The next page is known only by the
 * cursor of the one before, so the list grows while somebody goes down. Signals say what has changed.
 */
export class PagedList<Item> {
  /** Rows known so far. */
  readonly length = signal(0);
  /** The last page was read. */
  readonly ended = signal(false);
  readonly fault = signal<unknown>(null);
  /** Rises with each change of a row. */
  readonly revision = signal(0);
  readonly #read: ReadPage<Item>;
  readonly #idOf: (item: Item) => string;
  readonly #keptPages: number;
  readonly #parts: Part<Item>[] = [{ cursor: null, items: null, length: 0, meanwhile: null }];
  /** The part of each row that is held. */
  readonly #places = new Map<string, Part<Item>>();
  readonly #stop = new AbortController();

  constructor({ read, idOf, keptPages = 40 }: PagedListOptions<Item>) {
    this.#read = read;
    this.#idOf = idOf;
    this.#keptPages = keptPages;
  }

  /** The first page was read. */
  get known(): boolean {
    return this.#parts.length > 1 || this.ended.value;
  }

  /** `undefined`: not read yet, or let go. */
  at(index: number): Item | undefined {
    let start = 0;
    for (const part of this.#parts) {
      if (index < start + part.length) return part.items?.[index - start];
      start += part.length;
    }
    return undefined;
  }

  find(id: string): Item | undefined {
    return this.#places.get(id)?.items?.find((item) => this.#idOf(item) === id);
  }

  /** All rows that are held. */
  *held(): Generator<Item> {
    for (const { items } of this.#parts) if (items) yield* items;
  }

  /** Sees to it that these rows are read, and the page behind them once the last is near. Resolves when that was tried. */
  async look(first: number, last: number): Promise<void> {
    let start = 0;
    const wanted: Part<Item>[] = [];
    const near = new Set<Part<Item>>();
    for (const part of this.#parts) {
      const end = start + part.length;
      const isTail = part === this.#parts.at(-1) && !this.ended.value;
      if ((start <= last && end > first) || (isTail && last >= start - 1)) {
        near.add(part);
        if (!part.items) wanted.push(part);
      }
      start = end;
    }
    this.#letGo(near);
    await Promise.all(wanted.map((part) => this.#fill(part)));
  }

  /** Replaces a row that is held, or comes with a page that is being read; what is not held is read as it is then. */
  update(id: string, change: (item: Item) => Item): boolean {
    const changed = (items: readonly Item[]) =>
      items.map((item) => (this.#idOf(item) === id ? change(item) : item));
    this.#remember(changed);
    const part = this.#places.get(id);
    if (!part?.items) return false;
    part.items = changed(part.items);
    this.revision.value++;
    return true;
  }

  remove(id: string): boolean {
    const left = (items: readonly Item[]) => items.filter((item) => this.#idOf(item) !== id);
    this.#remember(left);
    const part = this.#places.get(id);
    if (!part?.items) return false;
    part.items = left(part.items);
    this.#places.delete(id);
    part.length = part.items.length;
    this.#changed();
    return true;
  }

  /** Reads nothing any more. */
  close(): void {
    this.#stop.abort();
  }

  async #fill(part: Part<Item>): Promise<void> {
    if (part.meanwhile || this.#stop.signal.aborted) return;
    const meanwhile: NonNullable<Part<Item>['meanwhile']> = [];
    part.meanwhile = meanwhile;
    try {
      const { items: read, next } = await this.#read(part.cursor, this.#stop.signal);
      const items = meanwhile.reduce((now, change) => change(now), read);
      part.items = items;
      part.length = items.length;
      for (const item of items) this.#places.set(this.#idOf(item), part);
      if (part === this.#parts.at(-1)) {
        if (next === null) this.ended.value = true;
        else this.#parts.push({ cursor: next, items: null, length: 0, meanwhile: null });
      }
      this.fault.value = null;
      this.#changed();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.fault.value = error;
    } finally {
      part.meanwhile = null;
    }
  }

  #remember(change: (items: readonly Item[]) => readonly Item[]): void {
    for (const { meanwhile } of this.#parts) meanwhile?.push(change);
  }

  #letGo(near: ReadonlySet<Part<Item>>): void {
    const held = this.#parts.filter(({ items }) => items !== null);
    const far = held.filter((part) => !near.has(part));
    const distance = (part: Part<Item>) =>
      Math.min(...[...near].map((one) => Math.abs(this.#parts.indexOf(one) - this.#parts.indexOf(part))));
    far.sort((a, b) => distance(b) - distance(a));
    for (const part of far.slice(0, Math.max(0, held.length - this.#keptPages))) {
      for (const item of part.items ?? []) this.#places.delete(this.#idOf(item));
      part.items = null;
    }
  }

  #changed(): void {
    this.length.value = this.#parts.reduce((sum, { length }) => sum + length, 0);
    this.revision.value++;
  }
}
