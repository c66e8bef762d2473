import { type RouteSocket, StoreUnavailable, type UserSocketRoute } from 'rm-reflector/ports';
import type { Static } from 'typebox';
import { closeReason } from '../api/close-reason.ts';
import { closed } from '../api/closed.ts';
import { Problem } from '../api/problem.ts';
import { basePath, queryOf } from '../api/routes.ts';
import type { UserPlaces } from '../api/user-places.ts';
import { validator } from '../api/validation.ts';
import { eventsPath, eventsQuery } from './endpoints.ts';
import { EventStream, type EventStreamContext } from './event-stream.ts';

const maxMessageBytes = 1_024;
const policyViolation = 1008;
const tryAgainLater = 1013;

/** The event stream as a WebSocket. The reader may send `{"cursor":…}` at any time, to go on from there. */
export function eventSocket(context: EventStreamContext, places: UserPlaces): UserSocketRoute {
  const check = validator<Static<typeof eventsQuery>>(closed(eventsQuery), 'query');
  return {
    access: 'user',
    path: `${basePath}${eventsPath}`,
    maxMessageBytes,
    async connect(socket, { target, identity, signal }) {
      const place = places.take(identity.user.name);
      if (typeof place === 'string') return socket.close(tryAgainLater, 'too many event streams');
      try {
        const { cursor = null, ...filter } = check(queryOf(target));
        const rights = await context.rights.of(identity);
        if (!rights.any('events.read'))
          return socket.close(policyViolation, 'needs the permission events.read');
        const stream = await EventStream.open(context, { identity, filter, cursor, signal });
        // Both ways, until either ends.
        await Promise.race([send(socket, stream), receive(socket, stream)]);
      } catch (error) {
        if (error instanceof Problem) socket.close(policyViolation, closeReason(error.message));
        else if (error instanceof StoreUnavailable)
          socket.close(tryAgainLater, 'the store cannot be used just now');
        else throw error;
      } finally {
        place();
      }
    },
  };
}

async function send(socket: RouteSocket, stream: EventStream): Promise<void> {
  for await (const message of stream.messages()) {
    if (!(await socket.send(JSON.stringify(message)))) return;
  }
}

async function receive(socket: RouteSocket, stream: EventStream): Promise<void> {
  for await (const message of socket.messages) {
    const cursor = cursorIn(message);
    if (cursor === null) return socket.close(policyViolation, 'a message must be {"cursor":"…"}');
    await stream.seek(cursor);
  }
}

function cursorIn(message: string | Buffer): string | null {
  if (typeof message !== 'string') return null;
  try {
    const value: unknown = JSON.parse(message);
    if (typeof value !== 'object' || value === null || !('cursor' in value)) return null;
    return typeof value.cursor === 'string' ? value.cursor : null;
  } catch {
    return null;
  }
}
