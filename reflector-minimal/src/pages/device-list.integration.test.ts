import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { ask } from '../testing/ask.ts';
import { domain, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';

describe('the list of devices for programs', () => {
  let stage: Stage;
  const clock = new ManualClock();
  beforeEach(async () => {
    stage = await Stage.open({ clock });
  });
  afterEach(() => stage.close());

  const list = (options: Parameters<typeof ask>[2] = {}) =>
    ask(stage.port, '/my-devices/api/devices', { host: 'localhost', ...options });

  test('says who is on line, with what, and since when others are not', async () => {
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    await stage.reflector.store.devices.add({ id: 'dev2', domain, secrets }, 0, null);
    await stage.agent({
      properties: [
        { name: 'targetPorts', value: '22, 80' },
        { name: 'name', value: 'Pump "7"' },
        { name: 'version', value: '1.2' },
      ],
    });
    const answer = await list();
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(answer.text)).toEqual({
      devices: [
        { id: 'dev1', online: true, lastSeen: null, ports: [22, 80], name: 'Pump "7"', version: '1.2' },
        { id: 'dev2', online: false, lastSeen: null, ports: [], name: null, version: null },
      ],
      next: null,
    });
  });

  test('is paged: every device once, and nothing of what the user does not see', async () => {
    const { store } = stage.reflector;
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    for (let n = 10; n < 60; n++)
      await store.devices.add({ id: `d${n}`, domain: n % 2 ? 'odd' : 'even', secrets }, 0, null);
    const collect = async (options: Parameters<typeof ask>[2], limit: number) => {
      const ids: string[] = [];
      for (let after: string | null = ''; after !== null; ) {
        const answer = await ask(stage.port, `/my-devices/api/devices?limit=${limit}&after=${after}`, {
          host: 'localhost',
          ...options,
        });
        const page = JSON.parse(answer.text) as { devices: { id: string }[]; next: string | null };
        expect(page.devices.length).toBeLessThanOrEqual(limit);
        ids.push(...page.devices.map(({ id }) => id));
        after = page.next;
      }
      return ids;
    };
    const all = ['d10', ...Array.from({ length: 49 }, (_, n) => `d${n + 11}`), 'dev1'];
    for (const limit of [1, 7, 51, 1000]) expect(await collect({}, limit)).toEqual(all);
    await store.users.demote('alice', true);
    expect(await collect({}, 7)).toEqual([]);
    await store.users.grant('alice', 'odd');
    expect(await collect({}, 7)).toEqual(all.filter((id) => /^d\d*[13579]$/.test(id)));
    for (const limit of ['0', '-1', 'x', '1.5']) {
      const path = `/my-devices/api/devices?limit=${limit}`;
      expect((await ask(stage.port, path, { host: 'localhost' })).status).toBe(400);
    }
    const page = await ask(stage.port, '/?limit=3', { host: 'localhost' });
    expect(page.text).toContain('<a href="/?after=d15">More devices</a>');
    expect(page.text).not.toContain('d10');
  });

  test('devicesPerPage: properties are read only for what is returned', async () => {
    const small = await Stage.open({ limits: { devicesPerPage: 3 } });
    try {
      const { store } = small.reflector;
      const secrets = { password: '', digestSha256: null, digestMd5: null };
      for (let n = 0; n < 9; n++) await store.devices.add({ id: `d${n}`, domain: 'd', secrets }, 0, null);
      const answer = await ask(small.port, '/my-devices/api/devices?limit=100', { host: 'localhost' });
      expect((JSON.parse(answer.text) as { devices: unknown[] }).devices).toHaveLength(3);
      expect((JSON.parse(answer.text) as { next: unknown }).next).toBe('d2');
    } finally {
      await small.close();
    }
  });

  test('counts for exchangesPerUser', async () => {
    const small = await Stage.open({ limits: { exchangesPerUser: 1 } });
    try {
      const held: ServerResponse[] = [];
      await small.web((_request, response) => held.push(response));
      const page = ask(small.port, '/');
      await until(() => held.length > 0);
      const list = () => ask(small.port, '/my-devices/api/devices', { host: 'localhost' });
      expect((await list()).status).toBe(429);
      held[0]?.end();
      await page;
      expect((await list()).status).toBe(200);
    } finally {
      await small.close();
    }
  });

  test('is for those who are logged in, on the own host, and only read', async () => {
    expect((await list({ headers: { Authorization: '' } })).status).toBe(401);
    expect((await list({ method: 'POST' })).status).toBe(404);
    expect((await list({ host: 'dev1.localhost' })).status).toBe(503);
  });
});
