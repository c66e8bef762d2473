import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../test/certificates/authority.ts';
import { defaultLimits } from '../limits.ts';
import type { Presence } from '../ports/presence.ts';
import { type Reflector, startReflector } from '../reflector.ts';
import { systemClock } from '../system-clock.ts';
import { ask } from '../testing/ask.ts';
import { originalClientUpgrade } from '../testing/original-upgrades.ts';
import { RawUser } from '../testing/raw-user.ts';
import { RelayPresence } from '../testing/relay-presence.ts';
import { RemoteData } from '../testing/remote-store.ts';
import { Forwarding } from '../testing/scripted-agent.ts';
import { authorization, device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { webSocketHead } from '../testing/upgrade-head.ts';
import { WebSocketPeer } from '../testing/web-socket-peer.ts';
import { RelayDialer } from './relay-dialer.ts';
import { RelayListener } from './relay-listener.ts';
import type { RelayTls } from './tls.ts';

/** Two reflectors with one store: the device is at the one, its user comes to the other. */

let authority: Authority;
let stage: Stage;
let listener: RelayListener;
let dialer: RelayDialer;
let reflector: Reflector;
/** Of the user's reflector. */
let port: number;

function tlsOf(name: string): RelayTls {
  const { certFile, keyFile } = authority.issue({ names: `DNS:${name}` });
  return { cert: certFile, key: keyFile, ca: authority.file };
}

beforeEach(async () => {
  authority = new Authority();
  const data = new RemoteData();
  stage = await Stage.open({ store: () => data.open() });
  const owner = stage.reflector.presence;
  const common = { limits: defaultLimits, clock: systemClock, log: pino({ level: 'silent' }) };
  listener = await RelayListener.listen({
    ...common,
    address: { host: '127.0.0.1', port: 0 },
    tls: tlsOf('owner'),
    node: { name: 'owner', epoch: 1 },
    tunnels: owner.local,
  });
  dialer = new RelayDialer({ ...common, tls: tlsOf('user'), node: { name: 'user', epoch: 1 } });
  const peer = { name: 'owner', epoch: 1, address: `127.0.0.1:${listener.port}` };
  reflector = await startReflector({
    store: () => data.open(),
    presence: () => new RelayPresence(owner, peer, dialer) as unknown as Presence<never>,
  });
  ({ port } = reflector);
});
afterEach(async () => {
  await reflector.close();
  dialer.close();
  await listener.close();
  await stage.close();
  authority.remove();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const content = randomBytes(10_000_000);

/** The device, with a web server. */
const web = (listener: RequestListener) => stage.web(listener, { extensions });

/** The device, with a TCP server. */
async function tcp(): Promise<{ port: number; accepted: Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true });
  const accepted = once(server, 'connection').then(([socket]) => {
    server.close();
    return socket as Socket;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port: at } = server.address() as AddressInfo;
  new Forwarding(await stage.agent({ extensions }), [at]);
  return { port: at, accepted };
}

describe('a user at another reflector than the device', () => {
  test('gets a body of 10 MB', async () => {
    await web((_request, response) => response.end(content));
    const { status, body } = await ask(port, '/');
    expect([status, sha256(body)]).toEqual([200, sha256(content)]);
  });

  test('sends one, and gets it back', async () => {
    await web((request, response) => request.pipe(response));
    const { status, body } = await ask(port, '/', { method: 'POST', body: content });
    expect([status, sha256(body)]).toEqual([200, sha256(content)]);
  });

  test('makes many requests at once', async () => {
    await web((request, response) => response.end(`you asked ${request.url}`));
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    const answers = await Promise.all(paths.map((path) => ask(port, path)));
    expect(answers.map(({ text }) => text)).toEqual(paths.map((path) => `you asked ${path}`));
  });

  test('is told to go on before it sends a body', async () => {
    await web((request, response) => request.pipe(response));
    const request = httpRequest({
      ...{ host: '127.0.0.1', port, method: 'POST', agent: false },
      headers: { Host: `${device.id}.localhost`, Authorization: authorization, Expect: '100-continue' },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('go on');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(String((await once(response, 'data'))[0])).toBe('go on');
  });

  test('upgrades a connection', async () => {
    const { server } = await web((_request, response) => response.end());
    const taken = new Promise<Duplex>((resolve) => {
      server.on('upgrade', (_request, socket: Duplex) => {
        socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
        resolve(socket);
      });
    });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(`${webSocketHead([], { path: '/live', connection: 'Upgrade' })}early`);
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece;
    });
    const end = await taken;
    let received = '';
    end.on('data', (piece) => {
      received += piece;
    });
    socket.end(' and late');
    await once(end, 'end');
    end.end(' goodbye');
    await once(socket, 'end');
    expect([received, answer.split('\r\n\r\n')[1]]).toEqual(['early and late', 'hello goodbye']);
  });

  test('connects by CONNECT', async () => {
    const { port: at, accepted } = await tcp();
    const user = new RawUser(port);
    const target = `${device.id}.localhost:${at}`;
    user.send(
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: ${authorization}\r\n\r\n`,
    );
    const socket = await accepted;
    await until(() => user.received.endsWith('\r\n\r\n'));
    user.send('question');
    expect(String((await once(socket, 'data'))[0])).toBe('question');
    socket.end('answer');
    await until(() => user.received.endsWith('answer'));
    user.destroy();
    socket.destroy();
  });

  test('connects by a client tunnel, and the bytes are the same', async () => {
    const { port: at, accepted } = await tcp();
    const upgrade = originalClientUpgrade(at, authorization, `${device.id}.localhost:${port}`);
    const client = await WebSocketPeer.connect(port, upgrade);
    const messages: Buffer[] = [];
    client.onFrame = ({ opcode, payload }) => {
      if (opcode === 2) messages.push(payload);
    };
    const socket = await accepted;
    const got: Buffer[] = [];
    let received = 0;
    socket.on('data', (piece: Buffer) => {
      got.push(piece);
      received += piece.length;
    });
    const bytes = content.subarray(0, 1_000_000);
    for (let start = 0; start < bytes.length; start += 2048) client.send(bytes.subarray(start, start + 2048));
    await until(() => received === bytes.length);
    socket.write(bytes);
    await until(() => messages.reduce((sum, { length }) => sum + length, 0) === bytes.length);
    expect([sha256(Buffer.concat(got)), sha256(Buffer.concat(messages))]).toEqual([
      sha256(bytes),
      sha256(bytes),
    ]);
    client.socket.destroy();
    socket.destroy();
  });

  test('sees that an answer is not whole when the owner is gone in the middle of it', async () => {
    await web((_request, response) => {
      response.writeHead(200, { 'Content-Length': content.length });
      response.write(content.subarray(0, 1_000_000));
    });
    const request = httpRequest({
      ...{ host: '127.0.0.1', port, agent: false },
      headers: { Host: `${device.id}.localhost`, Authorization: authorization },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let received = 0;
    response.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    await until(() => received === 1_000_000);
    const failed = once(response, 'error');
    await listener.close();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(response.complete).toBe(false);
  });

  test('is told that the device is gone when its node cannot be reached', async () => {
    await web((_request, response) => response.end());
    await listener.close();
    const { status, headers } = await ask(port, '/');
    expect([status, headers['retry-after']]).toEqual([503, expect.any(String)]);
  });
});
