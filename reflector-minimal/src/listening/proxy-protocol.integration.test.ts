import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { selfSigned } from '../../../test/certificates/self-signed.ts';
import { reservedPort } from '../../../toolchain/loopback-port.mjs';
import type { ReflectorOptions } from '../reflector.ts';
import { upgradeHead } from '../testing/scripted-agent.ts';
import { device, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';

const lineFor = (address: string, port = 4711) => `PROXY TCP4 ${address} 198.51.100.1 ${port} 443\r\n`;
const get = (headers = '') =>
  `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;
const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
const ok = /^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"status":"ok"\}/;

let stage: Stage;
let logged: { msg: string; [fact: string]: unknown }[];
const sockets: Socket[] = [];

async function open(options: ReflectorOptions = {}): Promise<void> {
  logged = [];
  const lines = logged;
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  stage = await Stage.open({ trustProxy: ['127.0.0.1'], proxyProtocol: true, log, ...options });
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stage.close();
});

/** A connection of the trusted proxy, or of somebody else. */
function dial(localAddress = '127.0.0.1'): Socket {
  const socket = connect({ port: stage.port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

/** What comes back until the end. */
function said(...pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = dial();
  for (const piece of pieces) socket.write(piece);
  return text(socket);
}

describe('from a trusted proxy', () => {
  test('the device has the address that the header names, and X-Forwarded-For says nothing', async () => {
    await open();
    const socket = dial();
    socket.write(lineFor('192.0.2.7') + upgradeHead({ ...device, forwardedFor: '203.0.113.9' }));
    await once(socket, 'data');
    await until(() => stage.reflector.presence.local.size === 1);
    expect(stage.reflector.presence.local.get(device.id)?.address).toBe('192.0.2.7');
    const audited = logged.find(({ msg }) => msg === 'audit');
    expect(audited?.audit).toMatchObject({
      event: 'device-tunnel',
      allowed: true,
      device: device.id,
      address: '192.0.2.7',
    });
  });

  test('a header in single bytes, and a request in the same packet as its last one', async () => {
    await open();
    const socket = dial();
    socket.setNoDelay(true);
    const header = Buffer.from(lineFor('192.0.2.7'));
    for (const byte of header.subarray(0, -1)) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(header.subarray(-1).toString() + get());
    expect(await text(socket)).toMatch(ok);
  });

  test('LOCAL is the proxy itself', async () => {
    await open();
    expect(await said(local, get())).toMatch(ok);
  });

  test('what follows the header in the same packet and in others stays in order', async () => {
    await open();
    const body = 'x'.repeat(300_000);
    const head = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
    const pieces = [lineFor('192.0.2.7') + head + body.slice(0, 10), body.slice(10) + get()];
    expect(await said(...pieces)).toMatch(/^HTTP\/1\.1 4\d\d [\s\S]*HTTP\/1\.1 200 OK\r\n/);
  });

  test('what does not begin with a header is closed, and the log says so once', async () => {
    await open();
    expect(await said(get())).toBe('');
    expect(await said(Buffer.concat([local.subarray(0, 12), Buffer.from('ff000000', 'hex')]))).toBe('');
    const warnings = logged.filter(({ msg }) => msg.startsWith('a trusted proxy does not speak'));
    expect(warnings).toMatchObject([{ address: '127.0.0.1', reason: 'no PROXY header' }]);
  });

  test('a second header is no request', async () => {
    await open();
    expect(await said(lineFor('192.0.2.7'), lineFor('192.0.2.8'), get())).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('one that connects and leaves is nothing to warn of', async () => {
    await open();
    const socket = dial();
    socket.end();
    expect(await text(socket)).toBe('');
    expect(logged.filter(({ msg }) => msg.startsWith('a trusted proxy'))).toEqual([]);
  });

  test('proxyHeaderBytes: a longer header is closed', async () => {
    await open({ limits: { proxyHeaderBytes: 100 } });
    const header = (length: number) =>
      Buffer.concat([local.subarray(0, 14), Buffer.of(length >> 8, length & 255), Buffer.alloc(length)]);
    expect(await said(header(84), get())).toMatch(ok);
    expect(await said(header(85), get())).toBe('');
  });

  test('proxyHeaderMs: a header that does not come to its end is closed', async () => {
    const clock = new ManualClock();
    await open({ clock, limits: { proxyHeaderMs: 1_000 } });
    const sockets = [dial(), dial()];
    sockets[1]?.write('PROXY TCP4');
    await until(() => clock.pending > 0);
    let ends = 0;
    for (const socket of sockets) socket.resume().on('close', () => ends++);
    await until(() => {
      clock.advance(1_000);
      return ends === 2;
    });
  });

  test('unauthenticatedPerNetwork: it counts for those whom the header names', async () => {
    await open({ limits: { unauthenticatedPerNetwork: 2 } });
    const held = [1, 2].map((port) => {
      const socket = dial();
      socket.write(`${lineFor('192.0.2.7', port)}GET /`);
      return socket;
    });
    await until(async () => (await said(lineFor('192.0.2.9', 3), get())) === '');
    expect(await said(lineFor('198.51.100.1', 4), get())).toMatch(ok);
    for (const socket of held) socket.destroy();
    await until(async () => ok.test(await said(lineFor('192.0.2.9', 5), get())));
  });

  test('the end of the reflector does not wait for a header', async () => {
    const clock = new ManualClock();
    await open({ clock, port: await reservedPort() });
    const socket = dial();
    await once(socket, 'connect');
    await until(() => clock.pending > 0);
    const ended = text(socket);
    await stage.reflector.close();
    expect(await ended).toBe('');
  });
});

describe('from anybody else', () => {
  test('no header is needed, and one is no request', async () => {
    await open();
    const plain = dial('127.0.0.2');
    plain.write(get());
    expect(await text(plain)).toMatch(ok);
    const forged = dial('127.0.0.2');
    forged.write(lineFor('192.0.2.7') + get());
    expect(await text(forged)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('with TLS', () => {
  test('the header comes before the handshake; tunnels and failed handshakes have the address that it names', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rm-proxied-'));
    const certificate = selfSigned(directory, 'localhost', { names: 'DNS:localhost' });
    await open({ tls: certificate });
    const under = dial();
    under.write(lineFor('192.0.2.7'));
    const ca = readFileSync(certificate.cert);
    const socket = tlsConnect({ socket: under, servername: 'localhost', ca });
    socket.write(upgradeHead(device));
    await once(socket, 'data');
    await until(() => stage.reflector.presence.local.size === 1);
    expect(stage.reflector.presence.local.get(device.id)?.address).toBe('192.0.2.7');

    const failing = dial();
    // No record of TLS.
    failing.write(`${lineFor('192.0.2.8')}GET / HTTP/1.1\r\n\r\n`);
    await text(failing);
    await until(() => logged.some(({ msg }) => msg === 'TLS handshake failed'));
    expect(logged.find(({ msg }) => msg === 'TLS handshake failed')?.address).toBe('192.0.2.8');
    rmSync(directory, { recursive: true });
  });
});
