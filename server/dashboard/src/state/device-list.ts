import { signal } from '@preact/signals';
import { get, type Page } from '../api/call.ts';
import type { Happening, ListedDevice } from '../api/types.ts';
import { changeOf } from './device-changes.ts';
import { callOf, type DeviceQuery, followsPresence } from './device-query.ts';
import { PagedList } from './paged-list.ts';

const pageSize = 100;

/** The devices of a query, kept true by the events. */
export class DeviceList {
  /** The list that is shown: of this query, or of the former one until this one's first page is there. */
  readonly shown = signal<PagedList<ListedDevice>>(this.#none());
  /** The first page is on its way. */
  readonly reading = signal(false);
  /** Something has changed that a new look would show elsewhere in the list. */
  readonly stale = signal(false);
  #query: DeviceQuery | null = null;
  #properties: readonly string[] = [];
  #coming: PagedList<ListedDevice> | null = null;
  /** {@link stale}, of the list that is on its way. */
  #comingStale = false;

  /** Shows another query. Resolves when its first page is there, has failed, or another query has come. */
  async show(query: DeviceQuery, properties: readonly string[]): Promise<void> {
    this.#query = query;
    this.#properties = properties;
    this.#coming?.close();
    const { list } = this.#listOf(query, properties);
    this.#coming = list;
    this.#comingStale = false;
    this.reading.value = true;
    await list.look(0, 0);
    if (this.#coming !== list) return;
    this.#coming = null;
    this.reading.value = false;
    // What was shown before stays when the server is away, with the fault beside it.
    if (list.fault.value !== null && this.shown.value.known) {
      this.shown.value.fault.value = list.fault.value;
      return;
    }
    this.shown.value.close();
    this.shown.value = list;
    this.stale.value = this.#comingStale;
  }

  async reload(): Promise<void> {
    if (this.#query) await this.show(this.#query, this.#properties);
  }

  /** True: everything has to be read again. */
  take(happenings: readonly Happening[]): boolean {
    // What is being read may be from before this happened.
    const lists = [this.shown.value, ...(this.#coming ? [this.#coming] : [])];
    let lost = false;
    for (const happening of happenings) {
      const change = changeOf(happening);
      if (change?.kind === 'changed') {
        for (const list of lists) list.update(change.id, change.change);
        if (this.#query && followsPresence(this.#query)) this.#setStale();
      } else if (change?.kind === 'removed') for (const list of lists) list.remove(change.id);
      else if (change?.kind === 'added') this.#setStale();
      else if (change?.kind === 'lost') lost = true;
    }
    return lost;
  }

  #setStale(): void {
    this.stale.value = true;
    this.#comingStale = true;
  }

  close(): void {
    this.#coming?.close();
    this.#coming = null;
    this.shown.value.close();
  }

  #listOf(query: DeviceQuery, properties: readonly string[]) {
    const call = callOf(query, Date.now());
    const list = new PagedList<ListedDevice>({
      idOf: ({ id }) => id,
      read: (cursor, stop) =>
        get<Page<ListedDevice>>('/devices', { ...call, properties, limit: pageSize, cursor }, stop),
    });
    return { list };
  }

  #none(): PagedList<ListedDevice> {
    return new PagedList<ListedDevice>({
      idOf: ({ id }) => id,
      read: () => Promise.resolve({ items: [], next: null }),
    });
  }
}
