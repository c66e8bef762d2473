import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fuzzTimeout, Random, runs, seed } from '../testing/random.ts';
import { RawDevice } from '../testing/raw-device.ts';
import { RawUser } from '../testing/raw-user.ts';
import { authorization, extensions, Stage } from '../testing/stage.ts';
import { Incomplete, readStrictly } from '../testing/strict-http.ts';
import { until } from '../testing/until.ts';

/*
 * Requests and upgrades of every kind, damaged. The oracle is a second reading of what the device got, strict and with
 * nothing of `node:http` in it: each connection holds whole requests of ours and at most one that broke off; none holds a
 * body's bytes as a request. And the reflector goes on, with no connection left.
 */

const head = `Host: dev1.localhost\r\nAuthorization: ${authorization}\r\n`;
/** Where one of these is read as a request of its own, framing has been misread. */
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: dev1.localhost\r\n\r\n';
const examples = [
  `GET /a?b HTTP/1.1\r\n${head}\r\n`,
  `GET /a HTTP/1.0\r\n${head}Connection: keep-alive\r\n\r\n`,
  `POST / HTTP/1.1\r\n${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)};x=y\r\n${smuggled}\r\n0\r\nX-T: 1\r\n\r\n`,
  `PUT / HTTP/1.1\r\n${head}Expect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  `GET /w HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n${smuggled}`,
  // Without a log-in of its own: nothing behind it may get anywhere.
  `CONNECT dev1.localhost:80 HTTP/1.1\r\n${head}\r\n${smuggled}`,
  `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
  `HEAD /h HTTP/1.1\r\n${head}TE: trailers\r\nConnection: TE, X-A\r\nX-A: b\r\n\r\n`,
];
const likely = [
  '\r\n',
  '\n',
  '\r',
  '\r\n ',
  '\0',
  '\t',
  ' ',
  ':',
  ', ',
  '0',
  '0\r\n\r\n',
  '-',
  '+',
  '0x',
  ';',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 5, 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: chunked, gzip\r\n',
  'Transfer_Encoding: chunked\r\n',
  'Connection: content-length\r\n',
  'Connection: host, transfer-encoding\r\n',
  'Connection: close\r\n',
  'Connection: Upgrade\r\n',
  'Upgrade: h2c\r\n',
  'Upgrade: websocket\r\n',
  'Host: evil\r\n',
  'X-Forwarded-Host: evil\r\n',
  'HTTP/1.0',
  'HTTP/2.0',
  'http://evil/',
  'http://dev1.localhost',
  '//',
  '#',
  '\x7f',
  '\xff',
  smuggled,
];

let stage: Stage;
let device: RawDevice;
beforeAll(async () => {
  // A deviation must not hide behind a bound on time.
  stage = await Stage.open();
  device = new RawDevice(
    await stage.agent({ extensions, properties: [{ name: 'targetPorts', value: '80' }] }),
  );
});
afterAll(() => stage.close());

/** The whole requests in `bytes`; throws for what is none. */
function wholeRequests(bytes: string): ReturnType<typeof readStrictly> {
  for (let end = bytes.length; ; ) {
    try {
      return readStrictly(bytes.slice(0, end));
    } catch (error) {
      if (!(error instanceof Incomplete)) throw error;
      // The last one broke off: it begins where one begins at the latest.
      const begin = bytes.lastIndexOf('HTTP/1.1\r\nHost: ', end - 1);
      end = bytes.lastIndexOf('\r\n', begin) + 2;
      if (begin < 0 || end <= 2) return [];
    }
  }
}

async function attempt(random: Random, round: number): Promise<void> {
  device.connections.length = 0;
  const count = 1 + random.below(3);
  let sent = '';
  for (let i = 0; i < count; i++) sent += random.damage(random.pick(examples), likely);
  const user = new RawUser(stage.port);
  // Cut anywhere: a parser must not mind.
  for (let at = 0; at < sent.length; ) {
    const length = random.chance(3) ? sent.length : 1 + random.below(60);
    user.send(sent.slice(at, at + length));
    at += length;
    if (random.chance(4)) await setImmediate();
  }
  // A line that nobody can read ends what waits for more.
  user.send('\r\n\r\nEND\r\n\r\n');
  user.socket.end();
  await user.whole();
  await until(() => device.open <= 8);
  const told = `seed ${seed}, round ${round}: ${JSON.stringify(sent)}`;
  for (const bytes of device.saw) {
    let requests: ReturnType<typeof readStrictly> = [];
    try {
      requests = wholeRequests(bytes);
    } catch (error) {
      expect.fail(`${error} in ${JSON.stringify(bytes)}\n${told}`);
    }
    for (const { headers } of requests) {
      const fields = new Map(headers);
      // Every request that the device can see is one that we have made.
      if (fields.get('x-forwarded-for') !== '127.0.0.1')
        expect.fail(`not ours: ${JSON.stringify(bytes)}\n${told}`);
      if (fields.has('authorization')) expect.fail(`credentials: ${JSON.stringify(bytes)}\n${told}`);
      if (fields.get('x-forwarded-host') !== fields.get('host')) expect.fail(`two hosts: ${told}`);
    }
  }
}

test('whatever a user sends, the device can read it in one way only', { timeout: fuzzTimeout }, async () => {
  const random = new Random(seed);
  const rounds = runs(400);
  for (let round = 0; round < rounds; round++) await attempt(random, round);
  // Nobody is left, and the next user is served.
  const user = new RawUser(stage.port);
  user.send(`GET / HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
  expect(await user.whole()).toMatch(/^HTTP\/1\.1 200 /);
  await until(() => device.open <= 8);
  expect(stage.reflector.presence.local.size).toBe(1);
});
