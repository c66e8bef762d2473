import { StoreUnavailable } from 'rm-reflector/ports';
import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { Problem } from '../api/problem.ts';
import type { UserPlaces } from '../api/user-places.ts';
import { eventFilterQuery } from './event-filter.ts';
import { EventStream, type EventStreamContext } from './event-stream.ts';

export const eventsPath = '/events';

/** What is asked for in the address, of both kinds of stream. */
export const eventsQuery = Type.Object({
  ...eventFilterQuery,
  cursor: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'Go on after the message with this cursor; from now on without.',
    }),
  ),
});

/** Server-sent events (HTML, section 9.2). */
export function eventEndpoints(context: EventStreamContext, places: UserPlaces): Endpoint[] {
  return [
    endpoint({
      operation: 'streamEvents',
      method: 'GET',
      path: eventsPath,
      tag: 'Events',
      summary: 'Streams what happens.',
      description:
        'Server-sent events, or a WebSocket with the same messages at the same address. A reader that comes again with ' +
        '`Last-Event-ID` (browsers do it by themselves) or `cursor` misses nothing, or is told so by `events.lost`. ' +
        '`docs/server/events.md` describes the messages.',
      needs: 'events.read',
      query: eventsQuery,
      replies: [{ status: 200, description: 'Messages, each a JSON object.', type: 'text/event-stream' }],
      async handle({ caller, query, headers, signal }) {
        const { cursor, ...filter } = query;
        const last = headers['last-event-id'];
        const place = places.take(caller.name);
        if (place === 'user') throw new Problem(429, 'You have too many event streams');
        if (place === 'all') throw new Problem(503, 'There are too many event streams');
        signal.addEventListener('abort', place, { once: true });
        if (signal.aborted) place();
        const from = typeof last === 'string' && last !== '' ? last : (cursor ?? null);
        const stream = await EventStream.open(context, {
          identity: caller.identity,
          filter,
          cursor: from,
          signal,
        });
        return {
          type: 'text/event-stream',
          headers: { 'X-Accel-Buffering': 'no' },
          stream: lines(stream, place),
        };
      },
    }),
  ];
}

/** A cursor stands in each message. What only carries a cursor has a type of its own: `onmessage` of a page does not get it. */
async function* lines(stream: EventStream, done: () => void): AsyncGenerator<string> {
  try {
    yield 'retry: 2000\n\n';
    for await (const message of stream.messages()) {
      const { cursor, kind } = message;
      const type = kind === 'alive' ? 'event: alive\n' : '';
      yield `id: ${cursor}\n${type}data: ${JSON.stringify(message)}\n\n`;
    }
  } catch (error) {
    // The reader comes again, and goes on where it was.
    if (!(error instanceof StoreUnavailable)) throw error;
  } finally {
    done();
  }
}
