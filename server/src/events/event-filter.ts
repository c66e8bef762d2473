import { Type } from 'typebox';
import { defaultLimits } from '../limits.ts';
import type { LoggedEvent } from './log/event-log.ts';
import { eventKinds } from './log/kinds.ts';

/** Which events are asked for; nothing: all. */
export interface EventFilter {
  readonly kind?: readonly string[];
  readonly domain?: readonly string[];
  /** Ids. */
  readonly device?: readonly string[];
}

const some = { minItems: 1, maxItems: defaultLimits.eventFilterValues };

/** As fields of a query, each of which may come several times. */
export const eventFilterQuery = {
  kind: Type.Optional(
    Type.Array(Type.Enum(Object.keys(eventKinds), { type: 'string' }), {
      ...some,
      description: 'Only events of these kinds.',
    }),
  ),
  domain: Type.Optional(
    Type.Array(Type.String({ maxLength: 255 }), { ...some, description: 'Only events of these domains.' }),
  ),
  device: Type.Optional(
    Type.Array(Type.String({ maxLength: 255 }), {
      ...some,
      description: 'Only events of devices with these ids.',
    }),
  ),
};

/** What says that events are missing, or that everything is different, passes each filter. */
export function passes({ kind, domain, device }: LoggedEvent, filter: EventFilter): boolean {
  if (kind === 'events.lost' || kind === 'server.started') return true;
  return (
    (filter.kind?.includes(kind) ?? true) &&
    (!filter.domain || (domain !== null && filter.domain.includes(domain))) &&
    (!filter.device || (device !== null && filter.device.includes(device)))
  );
}
