import { type Permission, permissions } from './permission.ts';

/** What somebody is for a target. */
export const roles = ['administrator', 'operator', 'user', 'auditor'] as const;

export type Role = (typeof roles)[number];

/** What each role may do with its target. An administrator of a domain grants what there is in that domain. */
export const permissionsOf: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  administrator: new Set(permissions),
  operator: new Set([
    'devices.open',
    'devices.read',
    'devices.write',
    'devices.create',
    'domains.read',
    'enrolment.write',
    'events.read',
  ]),
  user: new Set(['devices.open', 'devices.read', 'domains.read', 'events.read']),
  auditor: new Set([
    'devices.read',
    'domains.read',
    'users.read',
    'audit.read',
    'recordings.read',
    'events.read',
    'server.read',
  ]),
};
