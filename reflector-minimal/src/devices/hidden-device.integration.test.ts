import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, Stage } from '../testing/stage.ts';
import { UpgradeRefused } from '../testing/web-socket-peer.ts';

describe('a device that comes under the name of the shared host', () => {
  let stage: Stage;
  const lines: Record<string, unknown>[] = [];
  beforeEach(async () => {
    lines.length = 0;
    const sink = new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
        done();
      },
    });
    stage = await Stage.open({ cookieHost: 'view.localhost', log: pino(sink) });
    await stage.addDevice('view');
  });
  afterEach(() => stage.close());

  test('is told why not, as is the operator; others come as ever', async () => {
    const refused = await ScriptedAgent.connect(stage.port, { ...device, id: 'view' }).catch(
      (error) => error,
    );
    if (!(refused instanceof UpgradeRefused)) throw new Error(`not refused: ${refused}`);
    const reason =
      'the host name of this device is the --cookie-host of the reflector: nobody could reach it';
    expect([refused.status, ...refused.values('X-PTTH-Error')]).toEqual([403, reason]);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: reason, device: 'view', cookieHost: 'view.localhost' }),
    );
    const audit = expect.objectContaining({ event: 'device-tunnel', allowed: false, device: 'view', reason });
    expect(lines).toContainEqual(expect.objectContaining({ audit }));
    await stage.agent();
  });

  test.each(['www', 'reflector'])('%s is a name of the reflector: the same', async (id) => {
    await stage.addDevice(id);
    const refused = await ScriptedAgent.connect(stage.port, { ...device, id }).catch((error) => error);
    if (!(refused instanceof UpgradeRefused)) throw new Error(`not refused: ${refused}`);
    const reason = 'the host name of this device is a name of the reflector itself: nobody could reach it';
    expect([refused.status, ...refused.values('X-PTTH-Error')]).toEqual([403, reason]);
  });

  test('is told nothing before it has proven who it is', async () => {
    const wrong = { ...device, id: 'view', password: 'wrong' };
    const refused = await ScriptedAgent.connect(stage.port, wrong).catch((error) => error);
    expect(refused).toMatchObject({ status: 401 });
  });
});
