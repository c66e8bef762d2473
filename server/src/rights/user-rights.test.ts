import { describe, expect, test } from 'vitest';
import { permissions } from './permission.ts';
import { permissionsOf, type Role } from './role.ts';
import type { KeyScope, Scope } from './scope.ts';
import { type HeldGrant, UserRights } from './user-rights.ts';

const forever = Number.POSITIVE_INFINITY;
const everything: Scope = { kind: 'everything' };
const acme: Scope = { kind: 'domain', domain: 'acme' };
const other: Scope = { kind: 'domain', domain: 'other' };
const pump = { id: 'pump', uid: 'u1', domain: 'acme' };
const valve = { id: 'valve', uid: 'u2', domain: 'acme' };
const thePump: Scope = { kind: 'device', ...pump };

function grant(role: Role, scope: Scope, more: Partial<HeldGrant> = {}): HeldGrant {
  return { role, scope, ports: null, until: forever, ...more };
}

function key(more: Partial<KeyScope> = {}): KeyScope {
  return { permissions: new Set(permissions), scopes: null, expires: forever, ...more };
}

const rights = (...grants: HeldGrant[]) => new UserRights(grants, new Map());

describe('access to a device', () => {
  test.each<[string, HeldGrant[], unknown]>([
    ['without a grant there is none', [], null],
    ['everything', [grant('user', everything)], { ports: null, until: forever }],
    ['its domain', [grant('operator', acme)], { ports: null, until: forever }],
    ['another domain', [grant('operator', other)], null],
    ['the device itself', [grant('user', thePump)], { ports: null, until: forever }],
    ['a former device of this ID', [grant('user', { ...thePump, uid: 'u0' } as Scope)], null],
    ['an auditor sees it and opens nothing', [grant('auditor', acme)], { ports: [], until: forever }],
    ['some ports', [grant('user', acme, { ports: ['web', 22] })], { ports: ['web', 22], until: forever }],
    [
      'ports of several grants are added',
      [grant('user', acme, { ports: ['web'] }), grant('user', thePump, { ports: [22], until: 2_000 })],
      { ports: ['web', 22], until: 2_000 },
    ],
    [
      'one grant of all ports is enough',
      [grant('user', acme, { ports: ['web'] }), grant('user', everything, { until: 3_000 })],
      { ports: null, until: 3_000 },
    ],
    ['a grant that has ended', [grant('user', acme, { until: 1_000 })], null],
    [
      'beside one that has ended',
      [grant('user', acme, { until: 1_000 }), grant('auditor', everything)],
      { ports: [], until: forever },
    ],
  ])('%s', (_title, grants, expected) => {
    expect(rights(...grants).deviceAccess(pump, undefined, 1_000)).toEqual(expected);
  });
});

test('lists have domains and single devices, of grants that have not ended', () => {
  const held = rights(
    grant('user', acme),
    grant('auditor', other, { until: 5 }),
    grant('user', { kind: 'device', id: 'x', uid: 'ux', domain: 'third' }),
  );
  expect(held.sight(undefined, 1)).toEqual({ domains: ['acme', 'other'], devices: ['x'] });
  expect(held.sight(undefined, 5)).toEqual({ domains: ['acme'], devices: ['x'] });
  expect(held.extent('devices.open', undefined, 1)).toEqual({ domains: ['acme'], devices: ['ux'] });
  expect(held.extent('users.write', undefined, 1)).toEqual({ domains: [], devices: [] });
  expect(rights(grant('auditor', everything)).extent('audit.read', undefined, 1)).toBe(null);
  expect(rights(grant('user', everything)).sight(undefined, 1)).toEqual({ domains: null, devices: [] });
});

describe('by an API key', () => {
  const keyed = (scope: KeyScope, ...grants: HeldGrant[]) => new UserRights(grants, new Map([['k', scope]]));

  test('no more is allowed than the key and its user may', () => {
    const reading = keyed(
      key({ permissions: new Set(['devices.read', 'users.write']) }),
      grant('user', acme),
    );
    expect(reading.deviceAccess(pump, 'k', 0)).toEqual({ ports: [], until: forever });
    expect(reading.extent('devices.read', 'k', 0)).toEqual({ domains: ['acme'], devices: [] });
    expect(reading.extent('users.write', 'k', 0)).toEqual({ domains: [], devices: [] });
    const blind = keyed(key({ permissions: new Set(['devices.open']) }), grant('user', acme));
    expect(blind.deviceAccess(pump, 'k', 0)).toBe(null);
  });

  test('its targets are within those of its user', () => {
    const held = keyed(key({ scopes: [thePump, other] }), grant('user', acme));
    expect(held.deviceAccess(pump, 'k', 0)).not.toBe(null);
    expect(held.deviceAccess(valve, 'k', 0)).toBe(null);
    expect(held.deviceAccess({ ...pump, uid: 'u9' }, 'k', 0)).toBe(null);
    expect(held.sight('k', 0)).toEqual({ domains: [], devices: ['pump'] });
    expect(keyed(key({ scopes: [acme] }), grant('user', everything)).sight('k', 0)).toEqual({
      domains: ['acme'],
      devices: [],
    });
    expect(keyed(key({ scopes: [] }), grant('user', everything)).deviceAccess(pump, 'k', 0)).toBe(null);
  });

  test('one that was revoked allows nothing', () => {
    const held = keyed(key(), grant('administrator', everything));
    expect([held.keyExpires('k'), held.keyExpires('gone')]).toEqual([forever, null]);
    for (const gone of ['gone', '__proto__', '']) {
      expect(held.deviceAccess(pump, gone, 0)).toBe(null);
      expect(held.extent('devices.read', gone, 0)).toEqual({ domains: [], devices: [] });
    }
  });
});

test('no role but the administrator changes users or grants', () => {
  for (const role of ['operator', 'user', 'auditor'] as const) {
    expect([...permissionsOf[role]].filter((name) => /^(?:users|grants)\.write$/.test(name))).toEqual([]);
  }
  expect(permissionsOf.administrator.size).toBe(permissions.length);
  expect(permissionsOf.auditor.has('devices.open')).toBe(false);
});
