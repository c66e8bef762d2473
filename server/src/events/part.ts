import { UserPlaces } from '../api/user-places.ts';
import type { Part } from '../part.ts';
import { eventEndpoints } from './endpoints.ts';
import { EventRecorder } from './event-recorder.ts';
import { eventSocket } from './socket-route.ts';

/** Keeps what happens, and streams it. */
export const events: Part = {
  run(core) {
    const { eventLog, events, clock, limits, log, isNode } = core;
    const recorder = new EventRecorder(eventLog, clock, limits, log, isNode);
    const places = new UserPlaces({ all: limits.eventStreams, perUser: limits.eventStreamsPerUser });
    core.queues.set('events', () => recorder.pending);
    core.queues.set('event_streams', () => places.taken);
    // Before the first device comes.
    recorder.record(events).catch((error) => log.error({ err: error }, 'events are not kept any more'));
    // When a node starts, the devices of others stay on line.
    if (!isNode) recorder.started();
    return {
      endpoints: eventEndpoints(core, places),
      routes: [eventSocket(core, places)],
      start: () => eventLog.start(),
      stop: async () => {
        await recorder.stop();
        await eventLog.stop();
      },
    };
  },
};
