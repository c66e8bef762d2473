import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { domain, Stage } from '../testing/stage.ts';

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
    stage.reflector.store.devices.add('dev2', domain, secrets, 0);
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
    });
  });

  test('is for those who are logged in, on the own host, and only read', async () => {
    expect((await list({ headers: { Authorization: '' } })).status).toBe(401);
    expect((await list({ method: 'POST' })).status).toBe(404);
    expect((await list({ host: 'dev1.localhost' })).status).toBe(503);
  });
});
