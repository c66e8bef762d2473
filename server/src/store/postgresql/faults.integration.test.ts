import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type Change, type SessionRecord, StoreUnavailable, UnstorableText } from 'rm-reflector/ports';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { ask } from '../../../../reflector-minimal/src/testing/ask.ts';
import { device, extensions, Stage, user } from '../../../../reflector-minimal/src/testing/stage.ts';
import { until } from '../../../../reflector-minimal/src/testing/until.ts';
import { Authority } from '../../../../test/certificates/authority.ts';
import { reservedPort } from '../../../../test/system/loopback-port.ts';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { connectionOf } from './connection.ts';
import { Database } from './database.ts';
import { type PostgresqlLimits, postgresqlLimits } from './limits.ts';
import { type PostgresqlOptions, PostgresqlStore } from './postgresql-store.ts';

const patient = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000, batchMs: 1 };

let port: number;
let server: PostgresqlServer;
const authority = new Authority();
beforeAll(async () => {
  port = await reservedPort();
  server = await PostgresqlServer.start(port, ['listen_addresses=127.0.0.1']);
});
afterAll(() => server.end());

const opened: PostgresqlStore[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
async function open(options: Partial<PostgresqlOptions> = {}): Promise<PostgresqlStore> {
  const store = await PostgresqlStore.open({
    url: server.url(),
    ...options,
    limits: { ...patient, ...options.limits },
  });
  opened.push(store);
  return store;
}

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };

test('a reflector on it carries an agent and a request, and says 503 while it is away', async () => {
  const told: string[] = [];
  const clock = new ManualClock();
  const stage = await Stage.open({
    clock,
    store: () =>
      PostgresqlStore.open({
        url: server.url(),
        limits: { ...patient, outageMs: 60_000 },
        warn: (text) => told.push(text),
      }),
  });
  try {
    await stage.web((_request, response) => response.end('device'), { extensions });
    expect((await ask(stage.port, '/')).text).toBe('device');
    await server.crash();
    const wrong = `Basic ${Buffer.from('bob:x').toString('base64')}`;
    const refused = await ask(stage.port, '/', { headers: { Authorization: wrong } });
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    // outageMs: whoever was let in goes on, and no longer.
    clock.advance(59_000);
    expect((await ask(stage.port, '/')).text).toBe('device');
    clock.advance(1_000);
    expect((await ask(stage.port, '/')).status).toBe(503);
    await server.resume();
    expect((await ask(stage.port, '/')).text).toBe('device');
    expect(told[0]).toMatch(/^the database cannot be used: .*; it is tried again$/);
    await until(() => told.includes('the database can be used again'));
  } finally {
    await stage.close();
  }
  const store = await open();
  expect(await store.devices.get(device.id)).toMatchObject({ connects: 1, online: false });
  expect(await store.users.get(user.name)).toMatchObject({ role: 'administrator' });
});

test('data of a newer program is refused, and not tried again', async () => {
  await open();
  await server.sql('UPDATE rm_reflector.store SET version = version + 1');
  const told: string[] = [];
  try {
    await expect(open({ warn: (text) => told.push(text) })).rejects.toThrow(
      /^the database: its data was made by a newer program \(version/,
    );
    expect(told).toEqual([]);
  } finally {
    await server.sql('UPDATE rm_reflector.store SET version = version - 1');
  }
});

test('a text with NUL is found nowhere, is refused, and is shown in what a peer says of itself', async () => {
  const store = await open();
  await store.devices.add({ id: 'nul', domain: 'acme', secrets }, 2 ** 40, null);
  expect(await store.users.get('a\0')).toBeNull();
  expect(
    (await store.devices.page({ domains: null, claimed: true }, 'nu\0x', 1)).map(({ id }) => id),
  ).toEqual(['nul']);
  await expect(store.users.add('a\0', 'hash', 1, 'user')).rejects.toBeInstanceOf(UnstorableText);
  const [one] = await store.devices.page({ domains: ['acme', 'a\0'], claimed: true }, '', 1);
  if (!one) throw new Error('no device');
  const properties = { name: 'a\0b' };
  await store.devices.noteConnected(one, 2 ** 41, { address: 'x', agent: 'a\0', properties });
  await store.devices.addTraffic(one, 2 ** 33, 2 ** 52);
  expect(await store.devices.get('nul')).toMatchObject({
    properties,
    agent: 'a\ufffd',
    created: 2 ** 40,
    lastConnect: 2 ** 41,
    bytesFrom: 2 ** 33,
    bytesTo: 2 ** 52,
  });
  await store.audit.append([{ time: 1, event: 'log-in', user: 'a\0', device: null, record: '{}' }]);
  expect((await store.audit.page({}, 0, 1_000)).at(-1)).toMatchObject({ user: 'a\ufffd' });
});

test.each([
  ['batchRecords', 3],
  ['batchBytes', 4],
])('batchMs, %s: what is noted at once is written together, in its order', async (limit, value) => {
  const store = await open({ limits: { [limit]: value } });
  const list = [1, 2, 3, 4, 5].map((n) => ({ id: `${limit}-${n}`, domain: 'acme', secrets }));
  await store.devices.addAll(list, 1, null);
  const keys = await Promise.all(list.map(({ id }) => store.devices.identity(id)));
  const facts = { address: 'x', agent: 'y', properties: {} };
  await Promise.all(
    keys.flatMap((key) =>
      key
        ? [
            store.devices.noteConnected(key, 5, facts),
            store.devices.addTraffic(key, 1, 2),
            store.devices.noteDisconnected(key, 6, { cause: 'lost', reason: 'gone' }),
            store.devices.addTraffic(key, 10, 20),
            store.devices.noteConnected(key, 7, facts),
          ]
        : [],
    ),
  );
  for (const { id } of list) {
    expect(await store.devices.get(id)).toMatchObject({
      online: true,
      connects: 2,
      lastConnect: 7,
      lastSeen: 6,
      lastEnd: null,
      bytesFrom: 11,
      bytesTo: 22,
    });
  }
});

test('lockMs: a change that others hold up fails, and is not there', async () => {
  const told: string[] = [];
  const store = await open({ limits: { lockMs: 10 }, warn: (text) => told.push(text) });
  const other = await open();
  await store.users.add('held', 'hash', 1, 'user');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holding = () => {};
  const holds = new Promise<void>((resolve) => {
    holding = resolve;
  });
  const change = other.changes.transact(async () => {
    holding();
    await held;
  });
  await holds;
  await expect(store.users.promote('held')).rejects.toMatchObject({ code: '55P03', isTold: false });
  // The database has not gone.
  expect(told).toEqual([]);
  expect(await store.users.get('held')).toMatchObject({ role: 'user' });
  release();
  await change;
  expect(await store.users.promote('held')).toBe(true);
});

test('a commit that nobody has answered is told as unknown, and hinted at', async () => {
  const store = await open();
  // No replica ever confirms.
  await server.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  // Nothing tells when the checkpointer has read it again; at its start it has.
  await server.crash();
  await server.resume();
  const hints: unknown[] = [];
  store.changes.onHint((hint) => hints.push(hint));
  try {
    const change = store.users.add('unknown', 'hash', 1, 'user');
    const failed = expect(change).rejects.toMatchObject({ code: 'UNKNOWN' });
    const waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    await until(async () => (await server.sql(waiting)).length > 0);
    await failed;
    expect(hints).toEqual([{ kind: 'user', key: 'unknown' }]);
  } finally {
    await server.sql('ALTER SYSTEM RESET synchronous_standby_names');
    await server.sql('SELECT pg_reload_conf()');
  }
});

test('each session that ends is hinted at, so that none of them counts while the database is away', async () => {
  const store = await open();
  await store.users.add('ending', 'hash', 1, 'user');
  const account = await store.users.get('ending');
  if (!account) throw new Error('no user');
  const bounds = { perUser: 2, total: 1_000 };
  const hashOf = (byte: number) => Buffer.alloc(32, byte);
  const add = (byte: number, parent: number | null = null) =>
    store.sessions.add(
      {
        hash: hashOf(byte),
        kind: parent === null ? 'own' : 'device',
        user: 'ending',
        fingerprint: 'f',
        device: parent === null ? null : 'pump',
        parent: parent === null ? null : hashOf(parent),
        created: 1,
        used: byte,
        expires: 2 ** 40,
        address: '',
        agent: '',
      },
      account,
      bounds,
    );
  const hints: unknown[] = [];
  const stop = store.changes.onHint((hint) => hints.push(hint));
  const sessions = (...bytes: number[]) =>
    bytes.map((byte) => ({ kind: 'session', key: hashOf(byte).toString('hex') }));
  const hintsOf = async (act: () => Promise<unknown>) => {
    hints.length = 0;
    await act();
    return new Set(hints);
  };
  for (const [byte, parent] of [[1], [2, 1], [3], [4, 3]] as const) await add(byte, parent);
  expect(await hintsOf(() => store.sessions.remove(hashOf(1)))).toEqual(new Set(sessions(1, 2)));
  await add(5);
  // One more than the user may have: the one used longest ago goes, and what hangs on it.
  expect(await hintsOf(() => add(6))).toEqual(new Set(sessions(3, 4, 6)));
  expect(await hintsOf(() => store.sessions.removeAll('ending'))).toEqual(new Set(sessions(5, 6)));
  stop();
});

test('a commit is on the disk before it counts, whatever the database is set to', async () => {
  const { config } = connectionOf({ url: server.url() });
  const database = new Database(config, { ...postgresqlLimits, ...patient }, () => {});
  await server.sql("ALTER ROLE postgres SET synchronous_commit = 'off'");
  try {
    const found = await database.read('SHOW synchronous_commit');
    expect(found).toEqual([{ synchronous_commit: 'on' }]);
  } finally {
    await server.sql('ALTER ROLE postgres RESET synchronous_commit');
    await database.close();
  }
});

test('what ends many sessions names them, so that others go on while the database is away', async () => {
  const store = await open();
  const add = async (of: Partial<SessionRecord> & Pick<SessionRecord, 'hash'>) => {
    const opener = await store.users.get('opener');
    const times = { created: 1, used: 1, expires: 1_000 };
    const facts = { user: 'opener', fingerprint: '', parent: null, address: '', agent: '' };
    const session = { ...facts, ...times, kind: 'own' as const, device: null, ...of };
    if (opener) await store.sessions.add(session, opener, { perUser: 10, total: 3 });
  };
  await store.users.add('opener', 'hash', 1, 'user');
  const hints: (Change | undefined)[] = [];
  store.changes.onHint((change) => hints.push(change));
  const named = async (act: () => Promise<unknown>) => {
    hints.length = 0;
    await act();
    return hints.map((hint) => (hint ? `${hint.kind} ${hint.key.slice(0, 2)}` : 'anything'));
  };
  const [one, two, three, four] = [1, 2, 3, 4].map((byte) => Buffer.alloc(32, byte)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  await add({ hash: one, used: 1 });
  await add({ hash: two, used: 2, kind: 'device', device: 'house-80' });
  await add({ hash: three, used: 3, expires: 5 });
  expect(await named(() => add({ hash: four, used: 4, kind: 'device', device: 'house-80' }))).toEqual([
    'session 01',
    'session 04',
  ]);
  expect(await named(() => store.sessions.removeExpired(10, 0))).toEqual(['session 03']);
  const ended = await named(() => store.devices.add({ id: 'house-80', domain: 'acme', secrets }, 1, null));
  expect(ended.sort()).toEqual(['device ho', 'session 02', 'session 04']);
  await add({ hash: two, used: 2, kind: 'device', device: 'house-80' });
  expect((await named(() => store.devices.remove('house-80', 1))).sort()).toEqual([
    'device ho',
    'session 02',
  ]);
});

test('connectMs, answerMs, statementMs: nothing waits longer', async () => {
  const silent = createServer(() => {});
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port: deaf } = silent.address() as AddressInfo;
  const sleep = (at: string, limits: Partial<PostgresqlLimits>) => {
    const { config } = connectionOf({ url: at, tls: 'off' });
    const database = new Database(config, { ...postgresqlLimits, ...patient, ...limits }, () => {});
    databases.push(database);
    return database.transact(null, ({ run }) => run('SELECT pg_sleep(600)'));
  };
  const databases: Database[] = [];
  const nowhere = sleep(`postgresql://rm@127.0.0.1:${deaf}/x`, { connectMs: 50 });
  await expect(nowhere).rejects.toThrow(/^the database cannot be used: .*timeout/);
  const unanswered = sleep(server.url(), { answerMs: 2_000 });
  await expect(unanswered).rejects.toThrow(/^the database cannot be used: Query read timeout/);
  await expect(sleep(server.url(), { statementMs: 50 })).rejects.toMatchObject({ code: '57014' });
  for (const database of databases) await database.close();
  silent.close();
});

test('scriptMs: what makes or renews tables may take longer than a statement', async () => {
  const { config } = connectionOf({ url: server.url() });
  const open = (limits: Partial<PostgresqlLimits>) =>
    new Database(config, { ...postgresqlLimits, ...patient, ...limits }, () => {});
  const impatient = open({ scriptMs: 50 });
  // The first statement of a connection takes long itself on a busy machine.
  const database = open({ statementMs: 2_000, scriptMs: 60_000 });
  try {
    const sleep = impatient.transact(null, ({ script }) => script('SELECT pg_sleep(600)'));
    await expect(sleep).rejects.toMatchObject({ code: '57014' });
    let scripted = false;
    const later = database.transact(null, async ({ run, script }) => {
      await script('SELECT pg_sleep(3)');
      scripted = true;
      await run('SELECT pg_sleep(600)');
    });
    await expect(later).rejects.toMatchObject({ code: '57014' });
    expect(scripted).toBe(true);
  } finally {
    await impatient.close();
    await database.close();
  }
});

test('devices that a crash has left on line are noted in portions, so that no statement takes long', async () => {
  const store = await open();
  const fleet = Array.from({ length: 2_001 }, (_none, n) => ({
    id: `crashed-${n}`,
    domain: 'acme',
    secrets,
  }));
  await store.devices.addAll(fleet, 1, null);
  await server.sql("UPDATE rm_reflector.devices SET online = true WHERE id LIKE 'crashed-%'");
  await server.sql(`CREATE FUNCTION public.bounded() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (SELECT count(*) FROM changed) > 1000 THEN RAISE EXCEPTION 'too many at once'; END IF;
        RETURN NULL;
      END $$;
    CREATE TRIGGER bounded AFTER UPDATE ON rm_reflector.devices REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION public.bounded()`);
  try {
    await store.devices.noteAllOffline();
    expect(await server.sql('SELECT count(*) FROM rm_reflector.devices WHERE online')).toEqual(['0']);
  } finally {
    await server.sql('DROP FUNCTION public.bounded() CASCADE');
  }
});

test('connections, waitingCalls: calls wait for one connection, and those that are too many are refused', async () => {
  const store = await open({ limits: { connections: 1, waitingCalls: 2 } });
  const calls = await Promise.allSettled(Array.from({ length: 9 }, () => store.settings.get('x')));
  const refused = calls.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(6);
  for (const call of refused) {
    expect(call).toMatchObject({ reason: expect.any(StoreUnavailable) as unknown });
  }
});

test('the certificate must be of the host, and the password is read for each connection', async () => {
  const { cert, key } = authority.issue({ names: 'DNS:localhost' });
  const files = { cert: join(server.folder, 'tls.crt'), key: join(server.folder, 'tls.key') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  if (process.getuid?.() === 0) for (const file of Object.values(files)) chownSync(file, 65_534, 65_534);
  await server.sql(`ALTER SYSTEM SET ssl_cert_file = '${files.cert}'`);
  await server.sql(`ALTER SYSTEM SET ssl_key_file = '${files.key}'`);
  await server.sql('ALTER SYSTEM SET ssl = on');
  await server.sql("CREATE ROLE rm LOGIN PASSWORD 'first'; GRANT ALL ON DATABASE postgres TO rm");
  await server.sql(
    'GRANT ALL ON SCHEMA rm_reflector TO rm; GRANT ALL ON ALL TABLES IN SCHEMA rm_reflector TO rm',
  );
  const rules = join(server.folder, 'data', 'pg_hba.conf');
  writeFileSync(rules, `local all all trust\nhostssl all rm 127.0.0.1/32 scram-sha-256\n`);
  await server.crash();
  await server.resume();
  const secret = join(server.folder, 'password');
  writeFileSync(secret, 'first\n');
  const at = (host: string, more: Partial<PostgresqlOptions> = {}) => ({
    url: `postgresql://rm@${host}:${port}/postgres`,
    password: { file: secret },
    ca: authority.file,
    ...more,
  });
  const store = await open(at('localhost'));
  expect(await store.users.get('nobody')).toBeNull();
  await expect(open(at('127.0.0.1'))).rejects.toThrow(/^the database cannot be used: .*127\.0\.0\.1/);
  const stranger = new Authority();
  await expect(open(at('localhost', { ca: stranger.file }))).rejects.toThrow(
    /^the database cannot be used: its certificate is not of an authority that we trust .*; name that authority in "ca"$/,
  );
  const warnings: string[] = [];
  const plain = open(at('localhost', { tls: 'off', warn: (text) => warnings.push(text) }));
  await expect(plain).rejects.toThrow(/no pg_hba\.conf entry/);
  expect(warnings[0]).toMatch(/TLS is off/);
  await server.sql("ALTER ROLE rm PASSWORD 'second'");
  await server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'rm'");
  await expect(open(at('localhost'))).rejects.toThrow(/password authentication failed/);
  writeFileSync(secret, 'second\n');
  expect(await store.users.get('nobody')).toBeNull();
});
