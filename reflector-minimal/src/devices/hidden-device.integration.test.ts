import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, domain, Stage } from '../testing/stage.ts';
import { UpgradeRefused } from '../testing/web-socket-peer.ts';
import { CookieHostTaken, hiddenBy, takeCookieHost, takenLabel } from './hidden-device.ts';

const names = (cookieHost: string | null) => ({ domain: 'r.example', cookieHost });

test.each([
  ['view.r.example', 'view'],
  ['pump-80.r.example', 'pump-80'],
  ['a.view.r.example', null],
  ['view.example', null],
  ['r.example.org', null],
  ['192.0.2.1', null],
  [null, null],
])('%s takes the label %s', (cookieHost, label) => {
  expect(takenLabel(names(cookieHost))).toBe(label);
});

test.each([
  ['view', 'view', 'the --cookie-host of the reflector'],
  ['pump', 'pump-80', 'the --cookie-host of the reflector'],
  ['pump-80', 'pump-80', 'the --cookie-host of the reflector'],
  ['pump', 'pump-800000', null],
  ['pump-80', 'pump', null],
  ['view', null, null],
  ['www', null, 'a name of the reflector itself'],
  ['reflector', 'view', 'a name of the reflector itself'],
  ['reflector-80', null, null],
  ['www2', null, null],
])('the device %s beside the label %s is hidden by: %s', (id, label, by) => {
  expect(hiddenBy(id, label)).toBe(by);
});

describe('beside a device of that name', () => {
  let store: SqliteStore;
  let installation: Installation;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    installation = new Installation(store);
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    await store.devices.add({ id: 'view', domain, secrets }, 0, null);
  });
  afterEach(() => store.close());

  test.each(['view.r.example', 'view-80.r.example'])(
    '%s cannot be the host that all share',
    async (cookieHost) => {
      await expect(takeCookieHost(store, installation, names(cookieHost))).rejects.toThrow(
        new CookieHostTaken(
          `"${cookieHost}": is a host name of the device view; choose another name, or remove the device`,
        ),
      );
      expect(await installation.takenLabel()).toBeNull();
    },
  );

  test('others can, and one that only waits for being claimed is in nobody’s way', async () => {
    await store.devices.addUnclaimed({ id: 'show', domain, password: '' }, { address: '', network: '' }, 0, {
      all: 10,
      ofNetwork: 10,
    });
    await takeCookieHost(store, installation, names('show.r.example'));
    expect(await installation.takenLabel()).toBe('show');
    await takeCookieHost(store, installation, names(null));
    expect(await installation.takenLabel()).toBeNull();
  });
});

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
