import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { ask } from '../testing/ask.ts';
import { device, Stage, user } from '../testing/stage.ts';
import { LastingDatabase } from './lasting-database.ts';
import { SqliteStore } from './sqlite-store.ts';

// A reflector whose data file another process holds. `test/e2e/data-file.test.ts` has the real processes and disks.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-reflector-faults-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('storeBusyMs: while the data file is held tunnels and requests go on, and what needs it is told 503', async () => {
  const data = join(folder, 'reflector.sqlite');
  const clock = new ManualClock();
  const lines: { msg: string }[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
  const stage = await Stage.open({ data, clock, log, limits: { storeBusyMs: 1 } });
  try {
    const { agent } = await stage.web((_request, response) => response.end('page'));
    const holder = new LastingDatabase(data);
    holder.exec('BEGIN EXCLUSIVE');
    const token = () =>
      ask(stage.port, '/my-devices/api/token', {
        host: 'localhost',
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ username: user.name, password: user.password }).toString(),
      });
    expect((await ask(stage.port, '/')).text).toBe('page');
    const refused = await token();
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    expect(refused.text).toBe('The reflector cannot use its data just now\n');
    for (let i = 0; i < 5; i++) clock.advance(defaultLimits.statisticsMs);
    expect((await ask(stage.port, '/')).text).toBe('page');
    agent.destroy();
    await agent.ended;
    // A device is let in as well.
    await stage.web((_request, response) => response.end('again'));
    expect((await ask(stage.port, '/')).text).toBe('again');
    expect(lines.map(({ msg }) => msg)).toEqual([
      'the data file cannot be used: another process holds it (write); it is tried again',
    ]);
    holder.exec('COMMIT');
    holder.close();
    clock.advance(defaultLimits.storeRetryMs);
    expect(lines.at(-1)?.msg).toBe('the data file can be used again (write)');
    expect((await token()).status).toBe(200);
    const { store } = stage.reflector;
    expect(await store.devices.get(device.id)).toMatchObject({ online: true, connects: 2 });
  } finally {
    await stage.close();
  }
  const store = SqliteStore.open(data);
  expect((await store.devices.get(device.id))?.online).toBe(false);
  expect((await store.devices.get(device.id))?.bytesFrom).toBeGreaterThan(0);
  await store.close();
});
