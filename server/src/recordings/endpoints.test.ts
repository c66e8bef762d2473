import { expect, test } from 'vitest';
import type { Caller } from '../api/endpoint.ts';
import { callerRights } from '../rights/rights.ts';
import { type HeldGrant, UserRights } from '../rights/user-rights.ts';
import { recordingEndpoints } from './endpoints.ts';
import type { KeptRecording, Recordings } from './recordings.ts';

const started = 1_000;
const kept: KeptRecording = {
  id: '0000000001000-0123456789abcdef',
  about: { user: 'alice', device: 'pump', uid: 'u1', domain: 'acme', port: 22 },
  started,
  bytes: 1,
  isOpen: false,
  isCut: false,
};
const recordings = {
  list: async () => [kept],
  get: async () => kept,
  read: () => [],
  remove: async () => true,
} as unknown as Recordings;

const ofDomain: HeldGrant['scope'] = { kind: 'domain', domain: 'acme' };
const ofDevice: HeldGrant['scope'] = { kind: 'device', id: 'pump', uid: 'u1', domain: 'beta' };
const ofAll: HeldGrant['scope'] = { kind: 'everything' };

const isNow = {
  'still there': { domain: 'acme', since: started },
  'in another domain': { domain: 'beta', since: started + 1 },
  'back again': { domain: 'acme', since: started + 1 },
  removed: null,
} as const;

test.each<[keyof typeof isNow, number, HeldGrant['scope'], number]>([
  ['still there', started, ofDevice, 1],
  ['still there', started, ofDomain, 1],
  ['still there', started + 1, ofDomain, 0],
  ['still there', started + 1, ofDevice, 0],
  ['in another domain', started, ofDevice, 0],
  ['in another domain', started, ofDomain, 1],
  ['back again', started, ofDevice, 0],
  ['back again', started, ofDomain, 1],
  ['removed', started, ofDevice, 0],
  ['removed', started, ofDomain, 1],
  ['removed', started + 1, ofAll, 1],
])('device %s, domain since %i: for %j %i', async (now, created, scope, expected) => {
  const place = isNow[now];
  const [list] = recordingEndpoints(recordings, {
    domainsCreated: async () => new Map([['acme', created]]),
    devicesPlaced: async () => new Map(place ? [['u1', place]] : []),
  });
  const user = new UserRights(
    [{ role: 'auditor', scope, ports: null, until: Number.POSITIVE_INFINITY }],
    new Map(),
  );
  const caller = callerRights(
    (permission) => user.extent(permission, undefined, 0),
    (permission) => user.grants(permission, undefined, 0),
  ) as Caller;
  const { body } = await (list as NonNullable<typeof list>).handle({
    caller,
    query: { limit: 10 },
  } as Parameters<NonNullable<typeof list>['handle']>[0]);
  expect((body as { items: unknown[] }).items).toHaveLength(expected);
});

test.each<[keyof typeof isNow, number, object]>([
  ['still there', started, { device: 'pump' }],
  // Whoever reads what the audit log has about the device now learns nothing of its time in another domain.
  ['in another domain', started, {}],
  ['back again', started, {}],
  ['removed', started, {}],
  ['still there', started + 1, {}],
])('device %s, domain since %i: playing and deleting are noted about %j', async (now, created, expected) => {
  const place = isNow[now];
  const endpoints = recordingEndpoints(recordings, {
    domainsCreated: async () => new Map([['acme', created]]),
    devicesPlaced: async () => new Map(place ? [['u1', place]] : []),
  });
  const caller = callerRights(
    () => null,
    () => [],
  ) as Caller;
  for (const operation of ['getRecording', 'deleteRecording']) {
    const noted: unknown[] = [];
    const call = {
      caller: { ...caller, require: () => {} },
      parameters: { id: kept.id },
      note: (...given: unknown[]) => noted.push(...given),
    };
    await endpoints.find((one) => one.operation === operation)?.handle(call as never);
    expect(noted).toEqual([`recording ${kept.id} of alice`, expected]);
  }
});
