import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fuzzTimeout, Random, runs, seed } from '../testing/random.ts';
import { RawDevice } from '../testing/raw-device.ts';
import { RawUser } from '../testing/raw-user.ts';
import { authorization, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';

/*
 * Answers of a device with every header that `node:http` treats in a way of its own when it writes a head, with every kind
 * of status, to every kind of request. What the user gets is a whole response, a refusal, or is cut; nothing is thrown.
 */

const framing = ['Content-Length', 'Trailer', 'Transfer-Encoding', 'Connection'];
const names = [
  ...framing,
  ...framing,
  'Connection',
  'Content-Disposition',
  'Content-Length',
  'Cookie',
  'Date',
  'Expect',
  'Keep-Alive',
  'Link',
  'Proxy-Connection',
  'Set-Cookie',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'WWW-Authenticate',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'X',
];
const values = [
  '',
  'a',
  'X',
  'close',
  'keep-alive',
  'chunked',
  'websocket',
  '100-continue',
  '2',
  '0',
  '-1',
  '<a>; rel=preload',
  'a=b',
  '\xe4\t',
  // In UTF-8, a character beyond ISO 8859-1.
  '\xe9\x85\x8d',
  '__proto__',
  'NTLM',
  'Trailer',
];
const statuses = [100, 102, 103, 199, 200, 204, 205, 206, 301, 304, 401, 407, 413, 426, 500, 599, 999];
const methods = ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND'];
const bodies = ['', 'ok', '2\r\nok\r\n0\r\n\r\n', '2\r\nok\r\n0\r\n__proto__: a\r\nTrailer: b\r\n\r\n'];

const host = `Host: dev1.localhost\r\nAuthorization: ${authorization}\r\n`;

let stage: Stage;
let device: RawDevice;
const logged: string[] = [];
beforeAll(async () => {
  stage = await Stage.open({ log: errorLog() });
  device = new RawDevice(
    await stage.agent({ extensions, properties: [{ name: 'targetPorts', value: '80' }] }),
  );
});
afterAll(() => stage.close());

function errorLog() {
  return pino({ level: 'error' }, { write: (line: string) => logged.push(line) });
}

function head(random: Random, status: number): string {
  let text = `HTTP/1.${random.below(2)} ${status} ${random.pick(['OK', '', '\xe4'])}\r\n`;
  for (let left = random.below(5); left > 0; left--) {
    const name = random.pick(names);
    // What is refused tells nothing of what is passed on.
    const value = name === 'Content-Length' && !random.chance(8) ? '2' : random.pick(values);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

function request(random: Random): string {
  const version = `HTTP/1.${random.chance(4) ? 0 : 1}`;
  if (random.chance(4)) {
    return `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  }
  const special = random.chance(2)
    ? `${random.pick(['Trailer', 'Expect', 'TE', 'Keep-Alive', 'Upgrade'])}: ${random.pick(values)}\r\n`
    : '';
  const body = random.chance(3) ? 'Content-Length: 2\r\n\r\nhi' : '\r\n';
  return `${random.pick(methods)} / ${version}\r\n${host}Connection: close\r\n${special}${body}`;
}

test('whatever a device answers, nothing is thrown', { timeout: fuzzTimeout }, async () => {
  const random = new Random(seed);
  const rounds = runs(300);
  for (let round = 0; round < rounds; round++) {
    let said = '';
    for (let left = random.below(3); left > 0; left--)
      said += head(random, random.pick(statuses.slice(0, 4)));
    said += head(random, random.pick(statuses)) + random.pick(bodies);
    device.answer = (_request, connection) => {
      connection.send(said);
      connection.end();
      return null;
    };
    const user = new RawUser(stage.port);
    const asked = request(random);
    user.send(asked);
    // A request whose body the device is asked to want may wait for its word.
    user.socket.end();
    const received = await user.whole();
    const told = `seed ${seed}, round ${round}: ${JSON.stringify(asked)} ${JSON.stringify(said)}`;
    if (!/^(?:HTTP\/1\.1 \d{3} [^\0]*)?$/.test(received)) expect.fail(`${JSON.stringify(received)}\n${told}`);
    if (logged.length > 0) expect.fail(`${logged[0]}\n${told}`);
  }
  await until(() => device.open === 0);
});
