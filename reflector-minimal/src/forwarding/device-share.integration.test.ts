import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { device, domain, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { webSocketHead } from '../testing/upgrade-head.ts';
import { WebSocketPeer } from '../testing/web-socket-peer.ts';

test('exchangesPerDevice: one user leaves room at a device for the others, whatever the requests are', async () => {
  const stage = await Stage.open({ limits: { exchangesPerDevice: 2 } });
  try {
    const held: ServerResponse[] = [];
    await stage.web((request, response) => {
      if (request.url === '/held') held.push(response);
      else response.end('page');
    });
    const { users } = stage.reflector.store;
    await users.add('bob', (await users.get('alice'))?.password ?? '', 0, 'user');
    await users.grant('bob', domain);
    const bob = { Authorization: `Basic ${Buffer.from('bob:wonderland').toString('base64')}` };
    const waiting = [ask(stage.port, '/held'), ask(stage.port, '/held')];
    await until(() => held.length === 2);
    const refused = await ask(stage.port, '/');
    expect([refused.status, refused.text]).toEqual([
      429,
      'You have too many connections to this device open\n',
    ]);
    await expect(WebSocketPeer.connect(stage.port, webSocketHead([], { path: '/' }))).rejects.toThrow(/429/);
    const client = ['Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0', 'X-WebTunnel-RemotePort: 22'];
    await expect(WebSocketPeer.connect(stage.port, webSocketHead(client, { path: '/' }))).rejects.toThrow(
      /429/,
    );
    expect((await ask(stage.port, '/', { headers: bob })).text).toBe('page');
    await stage.addDevice('dev2');
    expect((await ask(stage.port, '/', { host: 'dev2.localhost' })).status).toBe(503);
    held[0]?.end();
    // Either: the device may have seen the second request first.
    await Promise.race(waiting);
    expect((await ask(stage.port, '/', { host: `${device.id}.localhost` })).text).toBe('page');
    held[1]?.end();
    await Promise.all(waiting);
  } finally {
    await stage.close();
  }
});
