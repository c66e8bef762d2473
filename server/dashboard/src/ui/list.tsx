import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { get, type Page } from '../api/call.ts';
import { readPages } from '../state/read-pages.ts';
import { t } from '../texts/language.ts';
import { failed } from './toast.tsx';

type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Pages<Item> {
  /** `undefined`: not read yet. */
  readonly items: readonly Item[] | undefined;
  readonly fault: unknown;
  readonly reload: () => void;
  /** Reads the next page; `null`: there is none. */
  readonly more: (() => Promise<void>) | null;
}

/** A list that is read page by page as somebody asks for more. Read anew when path or query change. */
export function usePages<Item>(path: string | null, query: Query = {}, limit = 50): Pages<Item> {
  const pages = useSignal<{ items: readonly Item[]; next: string | null } | undefined>(undefined);
  const fault = useSignal<unknown>(null);
  const round = useSignal(0);
  const asked = `${path} ${JSON.stringify(query)}`;
  /** What {@link pages} are of. */
  const shown = useRef('');
  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController();
    const rows = shown.current === asked ? (pages.value?.items.length ?? 0) : 0;
    readPages((cursor) => get<Page<Item>>(path, { ...query, limit, cursor }, stop.signal), rows).then(
      ({ items, next }) => {
        shown.current = asked;
        pages.value = { items, next };
        fault.value = null;
      },
      (error: unknown) => {
        if (!stop.signal.aborted) fault.value = error;
      },
    );
    return () => stop.abort();
  }, [asked, round.value]);
  const next = pages.value?.next ?? null;
  const more = async () => {
    const before = pages.value;
    if (!before || path === null) return;
    try {
      const page = await get<Page<Item>>(path, { ...query, limit, cursor: before.next });
      if (pages.value === before) pages.value = { items: [...before.items, ...page.items], next: page.next };
    } catch (error) {
      failed(error);
    }
  };
  return {
    items: pages.value?.items,
    fault: fault.value,
    reload: () => {
      round.value++;
    },
    more: next === null ? null : more,
  };
}

export function More({ more }: { readonly more: (() => Promise<void>) | null }) {
  const busy = useSignal(false);
  if (!more) return null;
  const run = async () => {
    if (busy.value) return;
    busy.value = true;
    await more();
    busy.value = false;
  };
  return (
    <p class="more">
      <button type="button" class="button" aria-disabled={busy.value} onClick={run}>
        {busy.value ? t('working') : t('more')}
      </button>
    </p>
  );
}
