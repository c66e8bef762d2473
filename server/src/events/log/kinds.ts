/** Every kind of event, and when it happens. */
export const eventKinds = {
  'server.started': 'The server has started. Every device is off line until its next `device.online`.',
  'device.online': 'A device has a tunnel. `data.properties` is what it says of itself.',
  'device.offline':
    'A device has no tunnel any more. `data.end` is why, as in the connections of the device: `cause` and `reason`.',
  'device.properties':
    'A device on line says something else of itself. `data.properties` is all of it, or null when it is long: read the device.',
  'device.added': 'A device was added, or has come to this domain.',
  'device.claimed': 'An unknown device that waited was accepted.',
  'device.waiting':
    'A device waits to be accepted. `data.reason` is why: `clone` is one with the secret of another, on other hardware.',
  'device.removed': 'A device was removed, or has left this domain.',
  'device.access': 'A user has begun to use a device, or was refused (`data.allowed`).',
  'user.log-in': 'A user has logged in, or was refused (`data.allowed`).',
  'webhook.disabled': 'A webhook gets nothing any more, since its receiver failed for too long.',
  'webhook.test': 'Somebody tries a webhook. Only this webhook gets it.',
  'events.lost':
    'Some events could not be kept, or came too quickly to be kept. Read again what you remember of the server.',
} as const;

export type EventKind = keyof typeof eventKinds;
