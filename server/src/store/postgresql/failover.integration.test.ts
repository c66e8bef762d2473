import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreUnavailable } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { ask } from '../../../../reflector-minimal/src/testing/ask.ts';
import { device, extensions, Stage } from '../../../../reflector-minimal/src/testing/stage.ts';
import { until } from '../../../../reflector-minimal/src/testing/until.ts';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from './postgresql-store.ts';

const port = 5432;
const limits = {
  connectMs: 60_000,
  lockMs: 60_000,
  statementMs: 60_000,
  answerMs: 90_000,
  outageMs: 600_000,
};

/** An address that leads to one database or another, as that of a cluster does. */
async function movingAddress(first: PostgresqlServer) {
  const folder = mkdtempSync(join(tmpdir(), 'rm-failover-'));
  const sockets = new Set<Socket>();
  let target = first;
  const front = createServer((near) => {
    const far = connect(target.socket);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await once(front.listen(join(folder, `.s.PGSQL.${port}`)), 'listening');
  return {
    url: `postgresql://postgres@${encodeURIComponent(folder)}:${port}/postgres`,
    moveTo: (database: PostgresqlServer) => {
      target = database;
    },
    close: () => {
      front.close();
      for (const socket of sockets) socket.destroy();
      rmSync(folder, { recursive: true });
    },
  };
}

test('a failover to a synchronous replica ends no tunnel, and every change that was acknowledged is there', async () => {
  const primary = await PostgresqlServer.start(port);
  const ends = [() => primary.end()];
  try {
    const replica = await primary.synchronousReplica();
    ends.push(() => replica.end());
    const isSynchronous = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
    await until(async () => (await primary.sql(isSynchronous)).length > 0);
    const address = await movingAddress(primary);
    ends.push(async () => address.close());
    const stage = await Stage.open({ store: () => PostgresqlStore.open({ url: address.url, limits }) });
    ends.push(() => stage.close());
    const { agent } = await stage.web((_request, response) => response.end('device'), { extensions });
    let hasEnded = false;
    agent.ended.then(
      () => {
        hasEnded = true;
      },
      () => {},
    );
    const { store } = stage.reflector;
    expect((await ask(stage.port, '/')).text).toBe('device');
    await until(async () => (await store.devices.get(device.id))?.connects === 1);

    const acknowledged: string[] = [];
    let enough = () => {};
    const isEnough = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const write = async (writer: number) => {
      for (let count = 0; ; count++) {
        const name = `user-${writer}-${count}`;
        await store.users.add(name, 'hash', 1, 'user');
        acknowledged.push(name);
        if (acknowledged.length === 50) enough();
      }
    };
    const writers = Promise.allSettled([1, 2, 3, 4].map(write));
    await isEnough;
    await primary.crash();
    for (const result of await writers) {
      expect(result).toMatchObject({ reason: expect.any(StoreUnavailable) as unknown });
    }
    expect((await ask(stage.port, '/')).text).toBe('device');
    address.moveTo(replica);
    // It takes no changes yet.
    await expect(store.users.add('early', 'hash', 1, 'user')).rejects.toBeInstanceOf(StoreUnavailable);
    await replica.promote();
    expect(await store.users.add('late', 'hash', 1, 'user')).toBe(true);

    for (const name of acknowledged) expect(await store.users.get(name)).toMatchObject({ name });
    expect((await ask(stage.port, '/')).text).toBe('device');
    expect(hasEnded).toBe(false);
    expect(await store.devices.get(device.id)).toMatchObject({ online: true, connects: 1 });
  } finally {
    for (const end of ends.reverse()) await end();
  }
});

test('of two hosts in the URL the one that takes changes is used, before and after a failover', async () => {
  const primary = await PostgresqlServer.start(port);
  const ends = [() => primary.end()];
  try {
    const replica = await primary.synchronousReplica();
    ends.push(() => replica.end());
    // The replica comes first, so that it must be left for the other one.
    const hosts = [replica, primary].map(({ folder }) => `${encodeURIComponent(folder)}:${port}`);
    const url = `postgresql://postgres@${hosts.join()}/postgres?target_session_attrs=read-write`;
    const store = await PostgresqlStore.open({ url, limits });
    ends.push(() => store.close());
    expect(await store.users.add('early', 'hash', 1, 'user')).toBe(true);
    await primary.crash();
    await expect(store.users.add('meanwhile', 'hash', 1, 'user')).rejects.toBeInstanceOf(StoreUnavailable);
    await replica.promote();
    await replica.sql("ALTER SYSTEM SET synchronous_standby_names = ''");
    await replica.sql('SELECT pg_reload_conf()');
    expect(await store.users.add('late', 'hash', 1, 'user')).toBe(true);
    expect(await store.users.get('early')).toMatchObject({ name: 'early' });
  } finally {
    for (const end of ends.reverse()) await end();
  }
});
