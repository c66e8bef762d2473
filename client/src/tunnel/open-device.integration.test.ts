import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { acceptForKey, type Clock } from 'rm-protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Route } from '../connection/dial.ts';
import { Failure } from '../failure.ts';
import { defaultLimits } from '../limits.ts';
import { TestServer } from '../testing/server.ts';
import { openDevice } from './open-device.ts';

let server: TestServer;
afterEach(() => server.close());

/** A reflector that answers the upgrade with what `serve` makes of its head. */
async function open(serve: (head: string, socket: Socket) => void, clock: Clock = new ManualClock()) {
  server = await TestServer.open((socket) => socket.once('data', (head) => serve(head.toString(), socket)));
  const route: Route = {
    reflector: { secure: false, host: 'localhost', port: server.port, target: '/' },
    proxy: null,
    tls: { ca: null, verify: true },
    limits: defaultLimits,
    clock,
  };
  return openDevice(route, { header: 'Bearer abc', refused: 'not let in' }, { device: 'pump-7', port: 22 });
}

function accepted(head: string, ...more: string[]): string {
  const key = /^Sec-WebSocket-Key: (.*)$/m.exec(head)?.[1]?.trim() ?? '';
  const accept = acceptForKey(key, (data) => createHash('sha1').update(data).digest());
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
    ...more,
    '\r\n',
  ].join('\r\n');
}

describe('opening a device', () => {
  test('asks for its host name, with the port, the extension and who we are', async () => {
    let request = '';
    const stream = await open((head, socket) => {
      request = head;
      socket.write(accepted(head, 'X-WebTunnel-Extensions: max-frame=4096, window=1'));
    });
    const [first, ...lines] = request.trimEnd().split('\r\n');
    expect(first).toBe('GET / HTTP/1.1');
    expect(lines).toEqual(
      expect.arrayContaining([
        `Host: pump-7.localhost:${server.port}`,
        'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
        'X-WebTunnel-RemotePort: 22',
        'X-WebTunnel-KeepAlive: 25',
        'X-WebTunnel-Extensions: max-frame=65536, window=65536',
        'Authorization: Bearer abc',
      ]),
    );
    stream.destroy();
  });

  test('takes what comes with the answer, and the keep-alive time that is asked for', async () => {
    const clock = new ManualClock();
    const stream = await open((head, socket) => {
      socket.write(`${accepted(head, 'X-WebTunnel-KeepAlive: 20')}\x82\x05early`, 'latin1');
    }, clock);
    const [chunk] = await once(stream, 'data');
    expect(String(chunk)).toBe('early');
    const asked = once(server.sockets[0] as Socket, 'data');
    clock.advance(20_000);
    expect(((await asked)[0] as Buffer)[0]).toBe(0x89);
    stream.destroy();
  });

  test.each([
    ['20', 20_000],
    ['1', 1_000],
    ['0', defaultLimits.keepAliveMs],
    ['300', defaultLimits.keepAliveMs],
    ['soon', defaultLimits.keepAliveMs],
    ['100000', defaultLimits.keepAliveMs],
  ])(
    'asks for a sign of life as soon as the reflector wants, and no later than it would itself: %s',
    async (header, ms) => {
      const clock = new ManualClock();
      const stream = await open((head, socket) => {
        socket.write(accepted(head, `X-WebTunnel-KeepAlive: ${header}`));
      }, clock);
      stream.resume();
      const opcodes: number[] = [];
      server.sockets[0]?.on('data', (bytes: Buffer) => {
        for (let at = 0; at < bytes.length; at += 6 + ((bytes[at + 1] ?? 0) & 0x7f)) {
          opcodes.push((bytes[at] ?? 0) & 0x0f);
        }
      });
      clock.advance(ms - 1);
      stream.write('x');
      clock.advance(1);
      await vi.waitUntil(() => opcodes.length === 2, { timeout: 120_000 });
      expect(opcodes).toEqual([2, 9]);
      stream.destroy();
    },
  );

  test.each([
    ['401 Unauthorized', '', /^localhost:\d+: not let in$/],
    [
      '403 Forbidden',
      '',
      /^pump-7 port 22: the device does not forward this port, or you are not allowed to use it$/,
    ],
    ['404 Not Found', '', /^pump-7 port 22: there is no such device$/],
    ['502 Bad Gateway', '', /^pump-7 port 22: the service on the device does not answer$/],
    ['503 Busy', '', /^pump-7 port 22: the device is off line$/],
    ['503 Busy', 'X-PTTH-Error: Too many log-ins at once\r\n', /^pump-7 port 22: Too many log-ins at once$/],
    ['504 Timeout', '', /^pump-7 port 22: the device has not answered in time$/],
    [
      '502 Bad Gateway',
      'Server: nginx/1.22.1\r\n',
      /^pump-7 port 22: a proxy \(nginx\/1\.22\.1\) answered 502 in place of the reflector: it does not reach it, or not in time$/,
    ],
    [
      '503 Service Unavailable',
      'Content-Type: text/html\r\n',
      /^pump-7 port 22: a proxy answered 503 in place of/,
    ],
    ['426 Upgrade Required', '', /^pump-7 port 22: a proxy on the way does not pass WebSocket upgrades on$/],
    ['302 Found', 'Location: /login\r\n', /^pump-7 port 22: the reflector answered 302 Found$/],
    ['101 Switching', '', /^pump-7 port 22: 101 without "Upgrade: websocket"$/],
  ])('%s is one line', async (status, fields, line) => {
    const error = await open((_, socket) => socket.write(`HTTP/1.1 ${status}\r\n${fields}\r\n`)).catch(
      (caught) => caught,
    );
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).message).toMatch(line);
  });

  test('an extension that cannot be read is one line', async () => {
    const opened = open((head, socket) =>
      socket.write(accepted(head, 'X-WebTunnel-Extensions: max-frame=0, window=1')),
    );
    await expect(opened).rejects.toThrow('pump-7 port 22: max-frame=0: must be a number');
  });

  test('the answer has upgradeMs', async () => {
    const clock = new ManualClock();
    const opened = open(() => clock.advance(defaultLimits.upgradeMs), clock);
    await expect(opened).rejects.toThrow('pump-7 port 22: no answer within 30 s');
    expect(clock.pending).toBe(0);
  });
});
