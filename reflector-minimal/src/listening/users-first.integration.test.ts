import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../../test/certificates/self-signed.ts';
import type { ReflectorOptions } from '../reflector.ts';
import { upgradeHead } from '../testing/scripted-agent.ts';
import { device, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';

/** How many devices dial, all before the user. */
const fleet = 60;
const get = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

let folder: string;
let tls: { readonly cert: string; readonly key: string };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-users-first-'));
  tls = selfSigned(folder, 'localhost', { names: 'DNS:localhost' });
});
afterAll(() => rmSync(folder, { recursive: true }));

let stage: Stage;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stage.close();
});

/** A connection that says this at once, below TLS; resolves when it is there. */
async function dial(first: string): Promise<Socket> {
  const socket = connect({ port: stage.port, host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => {});
  if (first !== '') socket.write(first);
  await once(socket, 'connect');
  return socket;
}

/** Devices dial, and then a user. Returns how many devices had an answer when the user had one. */
async function answeredBefore(first: string): Promise<number> {
  let answered = 0;
  const say = (under: Socket, text: string, protocols?: string[]) => {
    const socket = connectTls({
      socket: under,
      rejectUnauthorized: false,
      ...(protocols && { ALPNProtocols: protocols }),
    });
    socket.on('error', () => {}).write(text);
    return once(socket, 'data');
  };
  const unders = await Promise.all(Array.from({ length: fleet }, () => dial(first)));
  const devices = unders.map(async (under) => {
    await say(under, upgradeHead(device));
    answered++;
  });
  const [text] = await say(await dial(first), get, ['http/1.1']);
  expect(String(text)).toMatch(/^HTTP\/1\.1 200 OK/);
  const before = answered;
  // All have their turn.
  await Promise.all(devices);
  await until(() => answered === fleet);
  return before;
}

describe('a user who comes after a fleet has an answer before most of it', () => {
  test.each<[string, () => ReflectorOptions, string]>([
    ['over TLS', () => ({ tls }), ''],
    [
      'with the PROXY protocol',
      () => ({ tls, trustProxy: ['127.0.0.1'], proxyProtocol: true }),
      'PROXY TCP4 127.0.0.9 127.0.0.1 4711 443\r\n',
    ],
  ])('%s', async (_name, options, first) => {
    stage = await Stage.open(options());
    expect(await answeredBefore(first)).toBeLessThan(fleet / 2);
  });
});

test('unauthenticatedPerNetwork: half of a network’s places are for users', async () => {
  stage = await Stage.open({
    trustProxy: ['127.0.0.1'],
    proxyProtocol: true,
    limits: { unauthenticatedPerNetwork: 4, turnsForUsers: 1_000_000 },
  });
  const from = (port: number) => `PROXY TCP4 192.0.2.7 127.0.0.1 ${port} 443\r\n`;
  const silent = await Promise.all([1, 2].map((port) => dial(`${from(port)}G`)));
  const refused = await dial(from(3) + upgradeHead(device));
  await once(refused.resume(), 'close');
  const user = await dial(from(4) + get);
  expect(String((await once(user, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(silent.map(({ destroyed }) => destroyed)).toEqual([false, false]);
});
