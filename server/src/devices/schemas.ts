import { domainRule } from 'rm-reflector';
import { tunnelEndCauses } from 'rm-reflector/ports';
import { type TSchema, Type } from 'typebox';
import { matching } from '../api/pattern.ts';
import { Problem } from '../api/problem.ts';
import { shownTime, shownTimeOrNull, timeSchema as time } from '../api/time.ts';
import { defaultLimits as limits } from '../limits.ts';
import type { CallerRights } from '../rights/rights.ts';
import type { DeviceConnection, LoggedEvent, Traffic } from './device-history.ts';
import type { Domain } from './domains.ts';
import type { FleetDevice, ListedDevice } from './fleet-devices.ts';
import { openPortsOf } from './open-ports.ts';

const nullable = <Schema extends TSchema>(schema: Schema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const bytes = Type.Integer({ minimum: 0 });
const portNumber = Type.Integer({ minimum: 1, maximum: 65_535 });

export const domainId = Type.String({
  ...matching('^[A-Za-z0-9._-]{1,64}$', `must be ${domainRule}`),
  description: `Domain: ${domainRule}.`,
});
export const deviceId = Type.String({
  minLength: 1,
  maxLength: 63,
  ...matching(
    '^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$',
    'must be 1 to 63 letters, digits, "-" and "_", and begin and end with a letter or a digit',
  ),
  description: 'ID of a device: it becomes part of a host name, where capitals are as good as small letters.',
});
export const deviceParameters = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 100, description: 'ID of the device.' }),
});
export const domainParameters = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 100, description: 'ID of the domain.' }),
});

// Texts that lists and terminals show in one line.
const line = (maxLength: number, description: string, minLength = 0) =>
  Type.String({
    minLength,
    maxLength,
    ...matching('^[^\\x00-\\x1f\\x7f]*$', 'must be one line without control characters'),
    description,
  });
export const name = line(limits.nameLength, 'Name for people.');
export const description = Type.String({ maxLength: limits.descriptionLength });
export const notes = Type.String({ maxLength: limits.notesLength, description: 'Notes about the device.' });
export const tags = Type.Array(line(limits.tagLength, 'A tag.', 1), {
  maxItems: limits.tags,
  description: 'Tags, to find devices by.',
});
const propertyName = matching(
  `^[^\\x00-\\x1f\\x7f]{1,${limits.propertyNameLength}}$`,
  `must have names of 1 to ${limits.propertyNameLength} characters, without control characters`,
);
const propertyValue = Type.String({ maxLength: limits.propertyValueLength });

/** Properties that users give a device. */
export const properties = Type.Unsafe<Record<string, string>>({
  type: 'object',
  propertyNames: propertyName,
  additionalProperties: propertyValue,
  maxProperties: limits.userProperties,
  description: 'Properties of your own.',
});

/** As they are changed: `null` removes one. */
export const propertyChanges = Type.Unsafe<Record<string, string | null>>({
  type: 'object',
  propertyNames: propertyName,
  additionalProperties: { anyOf: [propertyValue, { type: 'null' }] },
  maxProperties: 2 * limits.userProperties,
  description: 'Properties of your own that change; null removes one. The others stay.',
});

const said = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'What the device says of itself.',
});

const listedFields = {
  id: Type.String(),
  domain: Type.String(),
  name: nullable(Type.String(), 'What a user has called it, else what it calls itself.'),
  tags: Type.Array(Type.String()),
  created: time,
  online: Type.Boolean(),
  lastSeen: nullable(time, 'When it was last on line; null: never, or it is now.'),
  address: nullable(Type.String(), 'IP address of its last connection.'),
  agent: nullable(Type.String(), 'Program of its last connection.'),
  version: nullable(Type.String(), 'Version of its firmware, as it says.'),
  ports: Type.Array(portNumber, { description: 'Ports that it forwards.' }),
  httpPort: nullable(portNumber),
  sshPort: nullable(portNumber),
  vncPort: nullable(portNumber),
  rdpPort: nullable(portNumber),
};

export const listedDevice = Type.Object({
  ...listedFields,
  properties: Type.Optional({
    ...said,
    description: 'Those that were asked for; what a user says counts more than what the device says.',
  }),
});

export const deviceSchema = Type.Object({
  ...listedFields,
  openPorts: nullable(
    Type.Array(Type.Union([portNumber, Type.Literal('web')])),
    'Ports that you may open; web: those of web interfaces; null: all.',
  ),
  description: Type.String(),
  notes: Type.String(),
  createdBy: nullable(Type.String(), 'The user who has added it; null: a command.'),
  lastConnect: nullable(time),
  connects: Type.Integer({ description: 'Connections so far.' }),
  bytesFrom: bytes,
  bytesTo: bytes,
  properties: Type.Object({ system: said, user: properties }),
  refused: nullable(
    Type.Object({ time, reason: Type.String(), address: Type.String() }),
    'The last refusal of somebody who claimed to be this device.',
  ),
  duplicateNoticed: nullable(time, 'When two devices with this identity were last seen evicting each other.'),
});

export const connectionSchema = Type.Object({
  began: time,
  ended: nullable(time, 'null: it lasts, or nobody has seen its end.'),
  live: Type.Boolean(),
  end: nullable(
    Type.Object({
      cause: Type.Union(
        tunnelEndCauses.map((cause) => Type.Literal(cause)),
        {
          description:
            'closed: by the device; silent: the device was not heard of in time; lost: the connection broke; replaced: by a newer connection of the device; disconnected: by a user; refused: the device may not be on line any more; misbehaved: the device broke the protocol; stopped: the server was stopped, or drains.',
        },
      ),
      reason: Type.String({ description: 'In one short sentence.' }),
      by: nullable(Type.String(), 'The user who has ended it.'),
    }),
    'Why it ended; null: it lasts, or nobody has seen its end.',
  ),
  address: Type.String(),
  agent: Type.String(),
  bytesFrom: bytes,
  bytesTo: bytes,
});

export const loggedEvent = Type.Object(
  { time, event: Type.String() },
  { additionalProperties: true, description: 'A record of the audit log.' },
);

const quota = (description: string) =>
  nullable(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), description);
const quotaFields = {
  devices: quota('Devices; null: any number.'),
  connections: quota('Devices on line at the same time; null: any number.'),
  bytesPerMonth: quota('Payload of a month (UTC) in both directions; null: any amount.'),
};
export const quotaChanges = Type.Partial(Type.Object(quotaFields));

export const domainSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  created: time,
  quotas: Type.Object(quotaFields),
  usage: Type.Object({
    devices: Type.Integer(),
    connections: Type.Integer(),
    bytesThisMonth: bytes,
  }),
});

export const trafficSchema = (period: string) =>
  Type.Object({ [period]: Type.String(), bytesFrom: bytes, bytesTo: bytes });

/** Field by field: a page has 200 devices, and copies of objects by their rest cost many times as much. */
export function showListed(device: ListedDevice) {
  return {
    id: device.id,
    domain: device.domain,
    name: device.name,
    tags: device.tags,
    created: shownTime(device.created),
    online: device.online,
    lastSeen: shownTimeOrNull(device.lastSeen),
    address: device.address || null,
    agent: device.agent || null,
    version: device.version,
    ports: device.ports,
    httpPort: device.httpPort,
    sshPort: device.sshPort,
    vncPort: device.vncPort,
    rdpPort: device.rdpPort,
    ...(device.properties ? { properties: device.properties } : {}),
  };
}

/** As this caller may know it. */
export function showDevice(device: FleetDevice, caller: Pick<CallerRights, 'grants'>) {
  const { number: _number, revision: _revision, systemProperties, userProperties, refused, ...same } = device;
  return {
    ...same,
    ...showListed(same),
    uid: undefined,
    openPorts: openPortsOf(caller, device),
    lastConnect: shownTimeOrNull(same.lastConnect),
    duplicateNoticed: shownTimeOrNull(same.duplicateNoticed),
    properties: { system: systemProperties, user: userProperties },
    refused: refused && { ...refused, time: shownTime(refused.time) },
  };
}

export function showConnection(
  { sequence: _sequence, began, ended, end, ...same }: DeviceConnection,
  seesUsers: boolean,
) {
  return {
    ...same,
    began: shownTime(began),
    ended: shownTimeOrNull(ended),
    end: end && { ...end, by: seesUsers ? (end.by ?? null) : null },
  };
}

export function showEvent({ time: at, event, record }: LoggedEvent) {
  return { ...record, time: shownTime(at), event };
}

export function showDomain({ number: _number, revision: _revision, created, ...same }: Domain) {
  return { ...same, created: shownTime(created) };
}

export function showTraffic(period: string, { period: value, bytesFrom, bytesTo }: Traffic) {
  return { [period]: value, bytesFrom, bytesTo };
}

/** A value of a query that cannot be used. */
export function queryProblem(field: string, detail: string): Problem {
  const errors = [{ field: `#query/${field}`, detail }];
  return new Problem(400, 'The call does not fit its description', {
    detail: `#query/${field}: ${detail}`,
    errors,
  });
}
