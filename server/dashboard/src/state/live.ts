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

/** How long the server may be away before the page says so: a change of the network is over by then. */
const patienceMs = 1_500;

/** Opens the stream, and again whenever it was lost: the browser remembers the cursor, we where it does not come back by itself. */
export function startLive(): void {
  let cursor = '';
  let begun = false;
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
  const open = () => {
    const source = new EventSource(addressOf('/events', { kind: kinds, cursor }));
    source.onmessage = ({ data }: MessageEvent<string>) => {
      const happening = JSON.parse(data) as Happening;
      cursor = happening.cursor;
      clearTimeout(reported);
      reported = undefined;
      connection.value = 'live';
      if (happening.kind === 'ready') {
        if (begun) return;
        // What pages have read before the stream began may be older than it.
        begun = true;
        waiting = [{ ...happening, kind: 'events.lost' }];
        deliver();
        return;
      }
      if (waiting.push(happening) === 1) setTimeout(deliver, 100);
    };
    source.onerror = () => {
      if (loggedOut.value) {
        source.close();
        return;
      }
      // The server ends the stream with the session.
      if (reported === undefined) askLoggedIn();
      report();
      // Refused: the browser gives up. Another attempt finds out why.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3_000 + 4_000 * Math.random());
    };
  };
  connection.value = 'connecting';
  open();
}
