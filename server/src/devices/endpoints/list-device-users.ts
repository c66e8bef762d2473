import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { shownTime, timeSchema } from '../../api/time.ts';
import { type DevicesContext, deviceFor, seesUsersOf } from '../context.ts';
import { deviceParameters } from '../schemas.ts';

/** A device answers within its round trip, unless it asks somebody or something on its way is stuck. */
const askedMs = 1_500;

const portNumber = Type.Integer({ minimum: 1, maximum: 65_535 });

/** `GET /devices/{id}/users`. */
export function listDeviceUsers(context: DevicesContext): Endpoint {
  const { presence, clock, usersOf } = context.core;
  return endpoint({
    operation: 'listDeviceUsers',
    method: 'GET',
    path: '/devices/{id}/users',
    tag: 'Devices',
    summary: 'Lists who has something open on a device now, and what the device has not let in yet.',
    description:
      'Requests, WebSockets and TCP connections through this node, those of a user to one port as one. Others than yourself, and what they wait for, are ' +
      'shown if you hold `audit.read` or `devices.write` for the device.',
    parameters: deviceParameters,
    needs: 'devices.read',
    replies: [
      {
        status: 200,
        description: 'The users, the first first.',
        schema: Type.Object({
          items: Type.Array(
            Type.Object({
              user: Type.String(),
              port: portNumber,
              web: Type.Boolean({ description: 'The port is that of a web interface.' }),
              since: timeSchema,
              open: Type.Integer({ description: 'Requests and connections.' }),
            }),
          ),
          waiting: Type.Array(Type.Object({ port: portNumber, since: timeSchema }), {
            description:
              'Ports that the device was asked for and has not answered: it may be asking somebody.',
          }),
        }),
      },
    ],
    async handle({ caller, parameters }) {
      const device = await deviceFor(context, caller, parameters.id);
      const seesOthers = seesUsersOf(caller, device);
      const uses = usersOf(device).filter(({ user }) => seesOthers || user === caller.name);
      const byPort = new Map<string, (typeof uses)[number] & { open: number }>();
      for (const use of uses.sort((a, b) => a.began - b.began)) {
        const key = `${use.port} ${use.user}`;
        const first = byPort.get(key);
        if (first) first.open++;
        else byPort.set(key, { ...use, open: 1 });
      }
      const connected = presence.local.get(device.id);
      const unanswered = connected?.uid === device.uid ? connected.tunnel.unanswered : [];
      const now = clock.date();
      return {
        body: {
          items: [...byPort.values()].map(({ began, ...use }) => ({ ...use, since: shownTime(began) })),
          waiting: unanswered
            // What others wait for is theirs, as is what they have open.
            .filter(({ user, ms }) => ms >= askedMs && (seesOthers || user === caller.identity.user.uid))
            .map(({ port, ms }) => ({ port, since: shownTime(Math.round(now - ms)) })),
        },
      };
    },
  });
}
