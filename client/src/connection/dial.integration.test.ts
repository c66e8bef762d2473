import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Failure } from '../failure.ts';
import { defaultLimits } from '../limits.ts';
import { TestServer } from '../testing/server.ts';
import { dial, type Route } from './dial.ts';

/** A proxy of which the test says what it answers. */
async function proxied(serve: (socket: Socket) => void, clock = new ManualClock()) {
  server = await TestServer.open(serve);
  const route: Route = {
    reflector: { secure: false, host: 'remote.example.com', port: 80, target: '/' },
    proxy: { uri: { secure: false, host: '127.0.0.1', port: server.port, target: '/' }, authorization: null },
    tls: { ca: null, verify: true },
    limits: defaultLimits,
    clock,
  };
  return { route, clock, name: `proxy 127.0.0.1:${server.port}` };
}

let server: TestServer;
afterEach(() => server.close());

describe('dialling', () => {
  const failing: [string, string, string][] = [
    ['a refusal', 'HTTP/1.1 403 Forbidden\r\n\r\n', 'answered 403 Forbidden'],
    ['something else than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', ': not an HTTP/1.1 response'],
    [
      'a head beyond headBytes',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(16_384)}`,
      ': head of more than 16384 bytes',
    ],
    ['more than interimAnswers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(17), ': too many interim responses'],
    ['a bell for the terminal', 'HTTP/1.1 500 \x07\x1b[31mred\r\n\r\n', 'answered 500 [31mred'],
  ];
  test.each(failing)('%s of a proxy is one line', async (_, answer, line) => {
    const { route, name } = await proxied((socket) => socket.write(answer));
    const error = await dial(route).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).message.replace(/ +/g, ' ')).toBe(
      `${name}${line.startsWith(':') ? '' : ' '}${line}`,
    );
  });

  test('a proxy that closes, or is silent beyond stepMs', async () => {
    const closing = await proxied((socket) => socket.end());
    await expect(dial(closing.route)).rejects.toThrow(`${closing.name}: connection closed before an answer`);
    await server.close();
    const { route, clock, name } = await proxied((socket) => {
      socket.once('data', () => clock.advance(defaultLimits.stepMs));
    });
    await expect(dial(route)).rejects.toThrow(`${name}: no answer within 15 s`);
    expect(clock.pending).toBe(0);
  });

  test('interim answers are skipped, and what comes behind the last is kept', async () => {
    const { route, clock } = await proxied((socket) => {
      socket.write(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(16)}HTTP/1.0 200 OK\r\n\r\nearly bytes`);
    });
    const socket = await dial(route);
    const received = await new Promise((resolve) => {
      socket.once('data', resolve);
      socket.resume();
    });
    expect(String(received)).toBe('early bytes');
    expect(clock.pending).toBe(0);
    socket.destroy();
  });

  test('a file of certificates that cannot be used', async () => {
    const { route } = await proxied((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    const secure = (ca: string) =>
      dial({ ...route, reflector: { ...route.reflector, secure: true }, tls: { ca, verify: true } });
    await expect(secure('/nowhere.pem')).rejects.toMatchObject({
      message: '--ca /nowhere.pem: no such file',
      status: 78,
    });
    const here = new URL(import.meta.url).pathname;
    await expect(secure(here)).rejects.toMatchObject({
      message: `--ca ${here}: no PEM certificate in it`,
      status: 78,
    });
  });
});
