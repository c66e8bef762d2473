import { signal } from '@preact/signals';
import { addressOf } from '../api/call.ts';
import type { Happening } from '../api/types.ts';
import { askLoggedIn } from './log-out.ts';
import { loggedOut } from './session.ts';

/** The stream of events: not asked for, waiting, there, or lost and coming back. */
export const connection = signal<'none' | 'connecting' | 'live' | 'lost'>('none');

type Listener = (happenings: readonly Happening[]) => void;
const listeners = new Set<Listener>();

/** Tells what happens from now on, all of one frame at once. The returned function ends it. */
export function onHappenings(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const kinds = [
  'device.online',
  'device.offline',
  'device.properties',
  'device.added',
  'device.removed',
  'device.waiting',
  'device.claimed',
  'device.access',
];

/** How much later than the server says a message may come. */
const graceMs = 10_000;

/** How long the server may be away before the page says so: a change of the network is over by then. */
const patienceMs = 1_500;

/** Opens the stream, and again whenever it was lost: the browser remembers the cursor, we where it does not come back by itself. */
export function startLive(): void {
  let cursor = '';
  let begun = false;
  let source: EventSource | null = null;
  let last = 0;
  /** As the server says; `null`: it does not, and its silence means nothing. */
  let aliveMs: number | null = null;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let waiting: Happening[] = [];
  let reported: ReturnType<typeof setTimeout> | undefined;
  const report = () => {
    reported ??= setTimeout(() => {
      connection.value = 'lost';
    }, patienceMs);
  };
  const deliver = () => {
    const happenings = waiting;
    waiting = [];
    for (const listener of listeners) listener(happenings);
  };
  const hear = (data: string) => {
    const happening = JSON.parse(data) as Happening;
    cursor = happening.cursor;
    last = Date.now();
    clearTimeout(reported);
    reported = undefined;
    connection.value = 'live';
    return happening;
  };
  /** Opens it again after this long without a word: a browser waits for ever on a link that is dead. */
  const reopenAfter = (silentMs: number) => {
    if (loggedOut.value || source === null || Date.now() - last < silentMs) return false;
    report();
    open();
    return true;
  };
  const look = () => {
    clearTimeout(watch);
    if (aliveMs === null) return;
    const most = 2 * aliveMs + graceMs;
    if (reopenAfter(most)) return;
    watch = setTimeout(look, Math.max(last + most - Date.now(), 1_000));
  };
  const open = () => {
    last = Date.now();
    // A look may have opened one while another attempt waited.
    source?.close();
    const opened = new EventSource(addressOf('/events', { kind: kinds, cursor }));
    source = opened;
    look();
    opened.addEventListener('alive', ({ data }: MessageEvent<string>) => hear(data));
    opened.onmessage = ({ data }: MessageEvent<string>) => {
      const happening = hear(data);
      if (happening.kind === 'ready') {
        const { aliveSeconds } = (happening.data ?? {}) as { readonly aliveSeconds?: number };
        aliveMs = aliveSeconds === undefined ? null : aliveSeconds * 1_000;
        look();
        if (begun) return;
        // What pages have read before the stream began may be older than it.
        begun = true;
        waiting = [{ ...happening, kind: 'events.lost' }];
        deliver();
        return;
      }
      if (waiting.push(happening) === 1) setTimeout(deliver, 100);
    };
    opened.onerror = () => {
      if (loggedOut.value) {
        opened.close();
        return;
      }
      // The server ends the stream with the session.
      if (reported === undefined) askLoggedIn();
      report();
      // Refused: the browser gives up. Another attempt finds out why.
      if (opened.readyState === EventSource.CLOSED) setTimeout(open, 3_000 + 4_000 * Math.random());
    };
  };
  connection.value = 'connecting';
  open();
  // On another network the former connection is dead, mostly.
  addEventListener('online', () => reopenAfter(1_000));
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && aliveMs !== null) reopenAfter(aliveMs + graceMs);
  });
}
