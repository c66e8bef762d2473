import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { extensions, Stage } from '../../testing/stage.ts';
import { webSocketHead } from '../../testing/upgrade-head.ts';
import { UpgradeRefused, WebSocketPeer } from '../../testing/web-socket-peer.ts';

function head(...lines: string[]): string {
  return webSocketHead(lines, { path: '/live', connection: 'keep-alive, Upgrade' });
}

describe.each([
  ['with windows', { extensions }],
  ['an original agent', {}],
])('an upgrade to a device, %s', (_title, options) => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  /** A device that answers upgrades with 101 and leaves the rest to the test. */
  async function upgradingDevice(greeting = ''): Promise<{ taken: Promise<Duplex>; heads: string[] }> {
    const { server } = await stage.web((_request, response) => response.end(), options);
    const heads: string[] = [];
    const taken = new Promise<Duplex>((resolve) => {
      server.on('upgrade', (request, socket: Duplex) => {
        heads.push(request.rawHeaders.join('\n'));
        socket.write(
          `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-It: 1\r\n\r\n${greeting}`,
        );
        resolve(socket);
      });
    });
    return { taken, heads };
  }

  test('becomes one connection: bytes, half-close and end pass both ways', async () => {
    const { taken, heads } = await upgradingDevice('hello');
    const socket = connect({ port: stage.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(`${head()}early`);
    const device = await taken;
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    let received = '';
    device.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.end(' and late');
    await once(device, 'end');
    expect(received).toBe('early and late');
    device.end(' goodbye');
    await once(socket, 'end');
    expect(answer).toMatch(/^HTTP\/1\.1 101 Switching\r\n(.*\r\n)*X-It: 1\r\n\r\nhello goodbye$/);
    expect(heads[0]).toContain('Connection\nUpgrade');
    expect(heads[0]).not.toMatch(/Authorization/i);
  });

  test.each(['user', 'device'])('ends when the %s is gone', async (leaving) => {
    const { taken } = await upgradingDevice();
    const peer = await WebSocketPeer.connect(stage.port, head());
    const device = (await taken) as Socket;
    device.on('error', () => {});
    device.on('end', () => device.end());
    const [from, to] = leaving === 'user' ? [peer.socket, device] : [device, peer.socket];
    to.resume();
    const ended = new Promise<void>((resolve) => to.once('close', () => resolve()));
    from.resetAndDestroy();
    await ended;
  });

  test('is refused as the device refuses it', async () => {
    const { server } = await stage.web((_request, response) => response.end(), options);
    server.on('upgrade', (_request, socket: Duplex) => {
      socket.end('HTTP/1.1 403 Not You\r\nContent-Length: 4\r\nConnection: close\r\nX-Why: so\r\n\r\nnope');
    });
    const refused = await WebSocketPeer.connect(stage.port, head()).catch((error: UpgradeRefused) => error);
    expect(refused).toBeInstanceOf(UpgradeRefused);
    expect((refused as UpgradeRefused).head).toMatch(/^HTTP\/1\.1 403 Not You\r\n(.*\r\n)*X-Why: so\r\n/);
    expect((refused as UpgradeRefused).head).toMatch(/nope$/);
  });

  test('with a body is refused: node:http would give the body to the new protocol', async () => {
    await upgradingDevice();
    const refused = await WebSocketPeer.connect(stage.port, `${head('Content-Length: 4')}body`).catch(
      (error: UpgradeRefused) => error,
    );
    expect((refused as UpgradeRefused).status).toBe(501);
  });
});
