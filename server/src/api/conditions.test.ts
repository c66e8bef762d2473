import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DevicesContext } from '../devices/context.ts';
import { Domains } from '../devices/domains.ts';
import { deviceEndpoints } from '../devices/endpoints/index.ts';
import { FleetDevices } from '../devices/fleet-devices.ts';
import { Grants } from '../people/grants.ts';
import { grantsEndpoints } from '../people/grants-endpoints.ts';
import { Groups } from '../people/groups.ts';
import { groupsEndpoints } from '../people/groups-endpoints.ts';
import { People } from '../people/people.ts';
import type { PeopleServices } from '../people/services.ts';
import { usersEndpoints } from '../people/users-endpoints.ts';
import { callerRights } from '../rights/rights.ts';
import type { Tables } from '../store/tables.ts';
import { FleetFile } from '../testing/fleet-file.ts';
import type { Caller, Endpoint, EndpointCall } from './endpoint.ts';
import { Problem } from './problem.ts';

/** What a caller has read is still so when it is changed, also if somebody else changes it just before. */

let file: FleetFile;
/** Of somebody else, before the next transaction. */
let meanwhile: string | null;
beforeEach(async () => {
  file = new FleetFile();
  meanwhile = null;
  await file.add('pump');
  await file.store.users.add('bob', 'hash', 0, 'user');
  file.database
    .prepare("INSERT INTO fleet_groups (name, description, created) VALUES ('field', '', 0)")
    .run();
  file.database
    .prepare(
      "INSERT INTO fleet_grants (id, \"user\", role, created, created_by) VALUES ('one', 'bob', 'operator', 0, '')",
    )
    .run();
});
afterEach(() => file.close());

const all = callerRights(
  () => null,
  () => [
    {
      role: 'administrator',
      scope: { kind: 'everything' },
      ports: null,
      until: Number.POSITIVE_INFINITY,
    },
  ],
);
const caller: Caller = {
  ...all,
  identity: { user: { name: 'alice', uid: 'u' } } as Caller['identity'],
  name: 'alice',
  require: () => {},
  now: async () => caller,
};

function endpoints(): Endpoint[] {
  const { database, store, clock } = file;
  const change = () => {
    if (meanwhile === null) return;
    const sql = meanwhile;
    meanwhile = null;
    expect(database.prepare(sql).run().changes).toBe(1);
  };
  const tables: Tables = {
    dialect: database.dialect,
    get: (sql, ...values) => database.get(sql, ...values),
    all: (sql, ...values) => database.all(sql, ...values),
    read: (sql, ...values) => database.read(sql, ...values),
    readsOf: (user) => database.readsOf(user),
    run: (sql, ...values) => {
      change();
      return database.run(sql, ...values);
    },
    transact: (work) => {
      change();
      return database.transact(work);
    },
  };
  const known = { changed: () => {} } as unknown as PeopleServices['known'];
  const groups = new Groups(tables, known, clock);
  const rights = { ofUser: async () => all, ofGroup: async () => all, administrator: () => all };
  const core = { store, clock, known, database: tables, rights, directoryRights: { ofUser: async () => [] } };
  const people = {
    ...core,
    groups,
    people: new People(tables),
    grants: new Grants(tables, known, groups, clock),
    presence: { local: new Map() },
  } as unknown as PeopleServices;
  const devices = {
    core: {
      ...core,
      presence: { local: new Map() },
      eventLog: { refresh: async () => {} },
      limits: {},
    },
    devices: new FleetDevices(tables),
    domains: new Domains(tables),
  } as unknown as DevicesContext;
  return [
    ...usersEndpoints(people),
    ...groupsEndpoints(people),
    ...grantsEndpoints(people),
    ...deviceEndpoints(devices),
  ];
}

const parameters = {
  changeUser: { name: 'bob' },
  changeGroup: { name: 'field' },
  changeGrant: { id: 'one' },
};
const body = {
  changeUser: { fullName: 'Bob B', role: 'administrator' },
  changeGroup: { description: 'mine' },
  changeGrant: { until: '2100-01-01T00:00:00Z' },
  changeDevice: { name: 'mine' },
  changeDomain: { name: 'mine' },
};

/** Calls it with the tag of what is shown. */
async function call(operation: string): Promise<unknown> {
  const [all, id] = [endpoints(), operation.endsWith('Domain') ? 'acme' : 'pump'];
  const found = (name: string) => all.find((one) => one.operation === name) as Endpoint;
  const shared = { caller, parameters: { id, ...parameters[operation as 'changeUser'] }, note: () => {} };
  const shown = await found(operation.replace(/^(?:change|delete)/, 'get')).handle(shared as never);
  const given = {
    ...shared,
    body: body[operation as 'changeUser'] ?? {},
    headers: {},
    checkVersion(version: number | string) {
      if (version !== shown.version) throw new Problem(412, 'It was changed since you have read it');
    },
  } as unknown as EndpointCall<never, never, never>;
  return found(operation).handle(given);
}

const changes: Readonly<Record<string, string>> = {
  changeUser: "INSERT INTO fleet_people (name, kind, full_name) VALUES ('bob', 'person', 'Theirs')",
  changeGroup: "UPDATE fleet_groups SET description = 'theirs'",
  changeGrant: 'UPDATE fleet_grants SET until = 4000000000000',
  changeDevice: "UPDATE fleet_devices SET name = 'theirs', version = version + 1",
  deleteDevice: "UPDATE fleet_devices SET name = 'theirs', version = version + 1",
  changeDomain: "UPDATE fleet_domains SET name = 'theirs', version = version + 1 WHERE id = 'acme'",
  deleteDomain: "UPDATE fleet_domains SET name = 'theirs', version = version + 1 WHERE id = 'acme'",
};

test('each endpoint with If-Match is tested here, but for the webhooks', () => {
  const conditional = endpoints().filter((one) => one.conditional);
  expect(conditional.map(({ operation }) => operation).sort()).toEqual(Object.keys(changes).sort());
});

test.each(Object.keys(changes))('%s', async (operation) => {
  if (operation === 'deleteDomain') await file.store.devices.remove('pump', 0);
  const all = [
    'SELECT name, administrator FROM users',
    'SELECT name, full_name FROM fleet_people',
    'SELECT name, description FROM fleet_groups',
    'SELECT id, until FROM fleet_grants',
    'SELECT id, name FROM fleet_devices',
    'SELECT id, name FROM fleet_domains',
  ];
  const state = () => all.map((sql) => file.database.prepare(sql).all());
  meanwhile = changes[operation] ?? null;
  await expect(call(operation)).rejects.toMatchObject({ status: 412 });
  expect(meanwhile).toBe(null);
  expect(JSON.stringify(state())).toMatch(/theirs|4000000000000/i);
  expect(JSON.stringify(state())).not.toMatch(/mine|Bob B|"administrator":1/);
  // Whoever has read it since may change it.
  await call(operation);
});

test('of two who remove a device by what they have read, one does so', async () => {
  const [one, other] = await Promise.allSettled([call('deleteDevice'), call('deleteDevice')]);
  expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected']);
  expect(await file.store.devices.get('pump')).toBe(null);
});

test('of two changes of a user by one reading, one counts, whatever each of them changes', async () => {
  const [get, change] = ['getUser', 'changeUser'].map((name) =>
    endpoints().find((one) => one.operation === name),
  ) as [Endpoint, Endpoint];
  const shared = { caller, parameters: parameters.changeUser, note: () => {}, headers: {} };
  const shown = await get.handle(shared as never);
  const checkVersion = (version: number | string) => {
    if (version !== shown.version) throw new Problem(412, 'It was changed since you have read it');
  };
  const outcomes = await Promise.allSettled(
    [{ role: 'administrator' }, { fullName: 'Bob B' }].map((body) =>
      change.handle({ ...shared, body, checkVersion } as never),
    ),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});
