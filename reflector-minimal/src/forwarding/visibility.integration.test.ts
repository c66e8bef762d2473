import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { openPath } from '../isolation/device-log-in.ts';
import { defaultLimits } from '../limits.ts';
import { ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { device, domain, extensions, Stage, user } from '../testing/stage.ts';
import { webSocketHead } from '../testing/upgrade-head.ts';
import { UpgradeRefused, WebSocketPeer } from '../testing/web-socket-peer.ts';

/** A user sees the devices of the domains granted; every other one is as if it did not exist. */

const elsewhere = '00000000-0000-0000-0000-0000000000bb';
const bob = `Basic ${Buffer.from(`bob:${user.password}`).toString('base64')}`;

describe('a device that a user may not see', () => {
  let stage: Stage;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock();
    stage = await Stage.open({ clock });
    const { store } = stage.reflector;
    await store.users.add('bob', (await store.users.get(user.name))?.password ?? '', 0, 'user');
    await store.users.grant('bob', elsewhere);
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    await store.devices.add({ id: 'dev2', domain: elsewhere, secrets }, 0, null);
    await store.devices.addUnclaimed(
      { id: 'dev9', domain: elsewhere, password: '' },
      { address: '', network: '' },
      0,
      { all: 10, ofNetwork: 10 },
    );
    await stage.web((_request, response) => response.end('device'));
  });
  afterEach(() => stage.close());

  /** Everything that comes back, with the name of the device taken out. */
  async function answer(label: string, path = '/', headers: Record<string, string> = {}): Promise<string> {
    const { status, rawHeaders, text } = await ask(stage.port, path, {
      host: `${label}.localhost`,
      headers: { Authorization: bob, ...headers },
    });
    const lines = rawHeaders.filter((value, at) => at % 2 === 1 && rawHeaders[at - 1] !== 'Date' && value);
    return [status, ...lines, text].join('\n').replaceAll(label, 'LABEL');
  }

  test('is in no list', async () => {
    const own = (path: string) =>
      ask(stage.port, path, { host: 'localhost', headers: { Authorization: bob } });
    const listed = JSON.parse((await own('/my-devices/api/devices')).text) as { devices: { id: string }[] };
    expect(listed.devices.map(({ id }) => id)).toEqual(['dev2']);
    const { text } = await own('/');
    expect(text).toContain('dev2');
    expect(text).not.toContain(device.id);
    // How many wait for being claimed is for administrators.
    expect(text).not.toContain('device claim');
    expect((await ask(stage.port, '/', { host: 'localhost' })).text).toContain('device claim');
  });

  test('answers as an unknown one does, byte for byte, on every path', async () => {
    for (const [path, headers] of [
      ['/', {}],
      ['/some/path?x', { Accept: 'text/html' }],
      ['/.rm-reflector/session?code=x', {}],
    ] as const) {
      const unseen = await answer(device.id, path, headers);
      expect(unseen).toBe(await answer('dev3', path, headers));
      expect(unseen).toMatch(/^40[34]\n/);
    }
    // With a port in the label too, whether the device forwards it or not.
    expect(await answer(`${device.id}-80`)).toBe(await answer('dev3-80'));
    // One of the user's own is known, if off line.
    expect(await answer('dev2')).toMatch(/^503\n/);
    expect((await ask(stage.port, '/')).text).toBe('device');
  });

  test('gives no session to a browser of the user', async () => {
    const browser = await BrowserSession.open(stage, clock, 'bob');
    const open = async (label: string) => {
      const query = `host=${label}&nonce=${'A'.repeat(22)}&to=%2F`;
      const { status, headers, text } = await ask(stage.port, `${openPath}?${query}`, {
        host: 'localhost',
        headers: { Cookie: browser.ownCookie, Authorization: [], 'Sec-Fetch-Site': 'none' },
      });
      return [status, headers.location, text.replaceAll(label, 'LABEL')];
    };
    expect(await open(device.id)).toEqual(await open('dev3'));
    expect((await open(device.id)).slice(0, 2)).toEqual([404, undefined]);
    expect((await open('dev2'))[0]).toBe(303);
  });

  test.each([
    ['a WebSocket', []],
    ['a client', ['Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0', 'X-WebTunnel-RemotePort: 22']],
  ])('%s is refused as for an unknown one', async (_title, lines) => {
    const upgrade = async (label: string) => {
      const head = webSocketHead(lines, {
        host: `${label}.localhost`,
        credentials: `Authorization: ${bob}`,
      });
      const refused = await WebSocketPeer.connect(stage.port, head).then(
        () => null,
        (error: unknown) => error,
      );
      if (!(refused instanceof UpgradeRefused)) throw new Error(`not refused: ${refused}`);
      return refused.head.replace(/^Date: .*$/m, '').replaceAll(label, 'LABEL');
    };
    const unseen = await upgrade(device.id);
    expect(unseen).toMatch(/^HTTP\/1\.1 404 /);
    expect(unseen).toBe(await upgrade('dev3'));
  });

  test('takes what is open with it when its domain is revoked', async () => {
    const { store } = stage.reflector;
    await store.users.grant('bob', domain);
    let begun: () => void = () => {};
    const atDevice = new Promise<void>((resolve) => {
      begun = resolve;
    });
    await stage.web((_request, response) => {
      response.write('first');
      begun();
    });
    const socket = connect(stage.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET / HTTP/1.1\r\nHost: ${device.id}.localhost\r\nAuthorization: ${bob}\r\n\r\n`);
    await atDevice;
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await store.users.revoke('bob', domain);
    clock.advance(defaultLimits.storePollMs);
    await closed;
    expect(await answer(device.id)).toMatch(/^404\n/);
  });
});

test('an administrator sees every device; who becomes one, or is one no more, from then on', async () => {
  const stage = await Stage.open();
  await stage.agent({ extensions });
  const { store } = stage.reflector;
  const status = async () => (await ask(stage.port, '/')).status;
  expect(await status()).toBe(502);
  await store.users.demote(user.name, true);
  expect(await status()).toBe(404);
  await store.users.grant(user.name, domain);
  expect(await status()).toBe(502);
  await stage.close();
});
