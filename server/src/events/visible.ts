import type { Target } from '../rights/permission.ts';
import type { CallerRights } from '../rights/rights.ts';
import type { LoggedEvent } from './log/event-log.ts';

/** Whether a user with these rights may see an event; `isPast`: its domain was removed since. */
export function isVisible(
  event: LoggedEvent,
  isPast: boolean,
  name: string,
  rights: Pick<CallerRights, 'may'>,
): boolean {
  const target: Target = isPast ? { kind: 'everything' } : targetOf(event);
  switch (event.kind) {
    case 'server.started':
    case 'events.lost':
      return true;
    case 'webhook.test':
      return false;
    case 'webhook.disabled':
      return rights.may('webhooks.write', target);
    case 'user.log-in':
      return rights.may('audit.read', target);
    case 'device.access':
      // Whoever does it knows of it.
      return rights.may('events.read', target) && (event.user === name || rights.may('audit.read', target));
    default:
      return rights.may('events.read', target);
  }
}

/** What the event is about. Nobody but those who see everything is told of a device that is gone already. */
function targetOf({ device, uid, domain }: LoggedEvent): Target {
  if (domain === null) return { kind: 'everything' };
  if (device === null || uid === null) return { kind: 'domain', domain };
  return { kind: 'device', device: { id: device, uid, domain } };
}
