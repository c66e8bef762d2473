import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import { selfSigned } from '../../test/certificates/self-signed.ts';
import { reservedPort } from '../../toolchain/loopback-port.mjs';
import { startReflector } from './reflector.ts';
import { ask } from './testing/ask.ts';
import { authorization, device, extensions, Stage } from './testing/stage.ts';
import { until } from './testing/until.ts';

describe('draining', () => {
  test('tunnels are closed with 1001 over the window, while users are served; no device is let in', async () => {
    const clock = new ManualClock();
    const stage = await Stage.open({ clock });
    await stage.addDevice('dev2');
    const finish: (() => void)[] = [];
    const { agent } = await stage.web((request, response) => {
      if (request.url === '/slow') finish.push(() => response.end('in the end'));
      else response.end('served');
    });
    const other = await stage.agent({ id: 'dev2', extensions });
    const health = async () => {
      const { status, text } = await ask(stage.port, '/healthz', { host: 'localhost' });
      return [status, text];
    };
    expect(await health()).toEqual([200, '{"status":"ok"}\n']);
    expect(stage.reflector.draining).toBe(false);
    const gone = stage.reflector.drain(20_000);
    expect(stage.reflector.draining).toBe(true);
    expect(await health()).toEqual([503, '{"status":"draining"}\n']);
    await expect(stage.agent({ id: 'dev2', extensions })).rejects.toThrow(/503/);
    expect((await ask(stage.port, '/')).text).toBe('served');
    const slow = ask(stage.port, '/slow');
    await until(() => finish.length > 0);
    clock.advance(13_000);
    await other.ended;
    expect([other.closeCode, agent.closeCode]).toEqual([1001, null]);
    expect((await ask(stage.port, '/')).text).toBe('served');
    for (const end of finish) end();
    expect((await slow).text).toBe('in the end');
    clock.advance(7_000);
    await gone;
    await agent.ended;
    expect(agent.closeCode).toBe(1001);
    expect((await ask(stage.port, '/', { host: 'localhost' })).status).toBe(200);
    await stage.close();
  });

  test('the end of the reflector ends it', async () => {
    const clock = new ManualClock();
    const stage = await Stage.open({ clock });
    const agent = await stage.agent();
    const gone = stage.reflector.drain(60_000);
    await stage.reflector.close();
    await gone;
    expect(agent.closeCode).toBe(1001);
    await stage.close();
  });
});

describe('shutdown', () => {
  test('a response under way ends whole, a stream of events at once, tunnels with 1001', async () => {
    // Nobody else's once it is closed.
    const stage = await Stage.open({ port: await reservedPort() });
    let finish: () => void = () => {};
    const { agent } = await stage.web((request, response) => {
      if (request.url === '/events') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.flushHeaders();
        return;
      }
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('first');
      finish = () => response.end('final');
    });
    const get = async (path: string) => {
      const request = httpRequest({
        port: stage.port,
        host: '127.0.0.1',
        path,
        headers: { Host: `${device.id}.localhost`, Authorization: authorization },
        agent: false,
      });
      request.on('error', () => {});
      request.end();
      return ((await once(request, 'response')) as [IncomingMessage])[0];
    };
    const [events, whole] = [await get('/events'), await get('/whole')];
    events.on('error', () => {});
    const [first] = (await once(whole, 'data')) as [Buffer];
    const eventsClosed = new Promise((resolve) => events.once('close', resolve));
    const closed = stage.reflector.close();
    await eventsClosed;
    await expect(ask(stage.port, '/')).rejects.toThrow(/ECONNREFUSED/);
    finish();
    const [last] = (await once(whole, 'data')) as [Buffer];
    expect(`${first}${last}`).toBe('firstfinal');
    await agent.ended;
    expect(agent.closeCode).toBe(1001);
    await closed;
    await stage.close();
  });

  test.each([
    ['a request', '', /^HTTP\/1\.1 503 .*\r\n[\s\S]*^Connection: close\r$/m],
    ['a WebSocket', 'Connection: Upgrade\r\nUpgrade: websocket\r\n', /^HTTP\/1\.1 503 /],
    [
      'a client',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0\r\nX-WebTunnel-RemotePort: 22\r\n',
      /^HTTP\/1\.1 503 /,
    ],
  ])('%s of which the head comes to its end only now is refused', async (_what, lines, answer) => {
    const stage = await Stage.open();
    const { forwarding } = await stage.web((_request, response) => response.end('served'));
    const socket = connect(stage.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: ${device.id}.localhost\r\nAuthorization: ${authorization}\r\n`);
    // What has begun is not idle, and so outlives the closing of the listener.
    await ask(stage.port, '/healthz', { host: 'localhost' });
    const closed = stage.reflector.close();
    socket.write(`${lines}\r\n`);
    expect(await text(socket)).toMatch(answer);
    expect(forwarding.opens).toBe(0);
    await closed;
    await stage.close();
  });

  test('a request without an answer yet is answered before the end', async () => {
    const stage = await Stage.open();
    let answer: () => void = () => {};
    await stage.web((_request, response) => {
      answer = () => response.end('in the end');
      arrived();
    });
    let arrived: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const answered = ask(stage.port, '/');
    await asked;
    const closed = stage.reflector.close();
    answer();
    expect((await answered).text).toBe('in the end');
    await closed;
    await stage.close();
  });

  test('shutdownMs, closeMs: a response that does not end is cut off after its time, an agent that does not answer as well', async () => {
    const clock = new ManualClock();
    const stage = await Stage.open({ clock });
    const { agent } = await stage.web((_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('first');
    });
    agent.answersClose = false;
    const pending = ask(stage.port, '/');
    const failed = expect(pending).rejects.toThrow();
    // The request is at the device once its first bytes are back.
    while ((stage.reflector.presence.local.get(device.id)?.tunnel.bytesFrom ?? 0) === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const closed = stage.reflector.close();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000);
    await failed;
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(3_000);
    await closed;
    await stage.close();
  });
});

test('headMs, headBytes, connections: headers that never end are cut off, long ones refused, and so is one connection too many', async () => {
  const lines: { msg: string; connections?: number }[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
  const hasty = await startReflector({ limits: { headMs: 50 } });
  const reflector = await startReflector({ log, limits: { headBytes: 2048, connections: 2 } });
  const speak = async (text: string, { port } = reflector) => {
    const socket = connect(port, '127.0.0.1');
    socket.write(text);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    await once(socket, 'close');
    return answer.split('\r\n')[0];
  };
  expect(await speak('GET / HTTP/1.1\r\nHost: a', hasty)).toBe('HTTP/1.1 408 Request Timeout');
  expect(await speak(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(3000)}\r\n\r\n`)).toBe(
    'HTTP/1.1 431 Request Header Fields Too Large',
  );
  const idle = [connect(reflector.port, '127.0.0.1'), connect(reflector.port, '127.0.0.1')];
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  for (let i = 0; i < 3; i++) expect(await speak('')).toBe('');
  // Once, not for each.
  expect(lines).toMatchObject([{ msg: 'all connections are in use: what comes is closed', connections: 2 }]);
  for (const socket of idle) socket.destroy();
  await reflector.close();
  await hasty.close();
});

test('responseMs: a device that does not answer a request: 504', async () => {
  const stage = await Stage.open({ limits: { responseMs: 50 } });
  await stage.web(() => {});
  const answer = await ask(stage.port, '/');
  expect([answer.status, answer.headers['x-ptth-error']]).toEqual([
    504,
    'The device has not answered in time',
  ]);
  await stage.close();
});

test('with TLS of its own, and files that change', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-reflector-tls-'));
  const makeCertificate = (name: string) => selfSigned(folder, name, { file: 'reflector' });
  const tls = makeCertificate('first');
  const reflector = await startReflector({ tls });
  expect(reflector.url).toBe(`https://localhost:${reflector.port}`);
  const subject = () =>
    new Promise<string>((resolve, reject) => {
      const request = httpsRequest({
        port: reflector.port,
        host: '127.0.0.1',
        path: '/healthz',
        headers: { Host: 'localhost' },
        // The certificate is the test's own; what is looked at is which one.
        rejectUnauthorized: false,
        agent: false,
      });
      request.on('response', (response) => {
        const { socket } = response as IncomingMessage & { socket: import('node:tls').TLSSocket };
        resolve(`${response.statusCode} ${socket.getPeerCertificate().subject.CN}`);
        response.resume();
      });
      request.on('error', reject);
      request.end();
    });
  expect(await subject()).toBe('200 first');
  const [port, host] = [reflector.port, '127.0.0.1'];
  const old = tlsConnect({ port, host, rejectUnauthorized: false, ALPNProtocols: ['http/1.0'] });
  await once(old, 'secureConnect');
  expect(old.alpnProtocol).toBe('http/1.0');
  old.destroy();
  makeCertificate('second');
  reflector.reloadTls();
  expect(await subject()).toBe('200 second');
  rmSync(folder, { recursive: true });
  expect(() => reflector.reloadTls()).toThrow();
  expect(await subject()).toBe('200 second');
  await reflector.close();
});

test('a start that fails leaves nothing behind', async () => {
  const first = await startReflector();
  await expect(startReflector({ port: first.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await expect(startReflector({ tls: { cert: 'no-such-file', key: 'no-such-file' } })).rejects.toThrow(
    /no-such-file/,
  );
  await first.close();
  await first.close();
});
