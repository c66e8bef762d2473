import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { Limits } from '../limits.ts';
import { ask } from '../testing/ask.ts';
import { RawDevice } from '../testing/raw-device.ts';
import { RawUser } from '../testing/raw-user.ts';
import { authorization, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';

let stage: Stage;
const users: RawUser[] = [];
afterEach(async () => {
  for (const user of users.splice(0)) user.destroy();
  await stage.close();
});

async function open(limits: Partial<Limits>): Promise<void> {
  stage = await Stage.open({ limits });
}

function speak(bytes: string): RawUser {
  const user = new RawUser(stage.port);
  users.push(user);
  user.send(bytes);
  return user;
}

const head = `Host: dev1.localhost\r\nAuthorization: ${authorization}\r\n`;
const get = `GET / HTTP/1.1\r\n${head}\r\n`;
const last = `GET / HTTP/1.1\r\n${head}Connection: close\r\n\r\n`;
const properties = [{ name: 'targetPorts', value: '80' }];

describe('the edge', () => {
  test('headLines: names without values cost a line each', async () => {
    await open({ headLines: 20 });
    await stage.web((_request, response) => response.end());
    const lines = (count: number) => 'a:\r\n'.repeat(count);
    const fitting = speak(`GET / HTTP/1.1\r\n${head}Connection: close\r\n${lines(17)}\r\n`);
    await fitting.whole();
    const flood = speak(`GET / HTTP/1.1\r\n${head}Connection: close\r\n${lines(18)}\r\n`);
    await flood.whole();
    expect([fitting.statuses, flood.statuses]).toEqual([[200], [431]]);
  });

  test('headLines: of a device as well, in its trailers too', async () => {
    await open({ headLines: 20 });
    const device = new RawDevice(await stage.agent({ extensions, properties }));
    device.answer = () => `HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(20)}Content-Length: 0\r\n\r\n`;
    const user = speak(last);
    await user.whole();
    expect(user.statuses).toEqual([502]);
    device.answer = () =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${'a: b\r\n'.repeat(21)}\r\n`;
    const cut = speak(last);
    expect(await cut.whole()).not.toMatch(/0\r\n\r\n$/);
  });

  test('pipelinedRequests: who sends more before the first is answered is closed', async () => {
    await open({ pipelinedRequests: 3 });
    const asked: ServerResponse[] = [];
    await stage.web((_request, response) => asked.push(response));
    const user = speak(get.repeat(3));
    await until(() => asked.length === 1);
    asked[0]?.end();
    await until(() => asked.length === 2);
    user.send(get);
    asked[1]?.end();
    await until(() => asked.length === 3);
    expect(user.closed).toBe(false);
    user.send(get.repeat(2));
    await user.whole();
    expect(user.statuses).toEqual([200, 200]);
    expect(asked.length).toBe(3);
  });

  test('bodyIdleMs: a body that stops coming costs its request', async () => {
    await open({ bodyIdleMs: 50 });
    const device = new RawDevice(await stage.agent({ extensions, properties }));
    const user = speak(`POST / HTTP/1.1\r\n${head}Content-Length: 10\r\n\r\nhalf`);
    await user.whole();
    expect(user.statuses).toEqual([408]);
    await until(() => device.open === 0);
    expect(device.saw.join()).not.toMatch(/half./);
  });

  test('userStallMs: a user who takes nothing frees what is held for him', async () => {
    await open({ userStallMs: 500 });
    const { forwarding } = await stage.web((_request, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more).on('error', () => {});
      more();
    });
    const user = speak(last);
    user.socket.pause();
    await until(() => forwarding.opens === 1);
    await until(() => forwarding.open === 0);
  });

  test('userStallMs: who waits for a slow device is not cut off', async () => {
    await open({ userStallMs: 500 });
    const held: ServerResponse[] = [];
    const { forwarding } = await stage.web((request, response) => {
      held.push(response);
      if (request.url === '/flood') for (let i = 0; i < 400; i++) response.write(Buffer.alloc(65_536));
    });
    const waiting = speak(last);
    await until(() => held.length === 1);
    // This one has been stuck for less long than the other has waited.
    speak(last.replace('GET /', 'GET /flood')).socket.pause();
    await until(() => held.length === 2);
    await until(() => forwarding.open === 1);
    held[0]?.end();
    await waiting.whole();
    expect(waiting.statuses).toEqual([200]);
  });

  test('a body that only the end delimits, and that is cut short, ends with a reset', async () => {
    await open({});
    const device = new RawDevice(await stage.agent({ extensions, properties }));
    device.answer = (_request, connection) => {
      connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      return null;
    };
    const user = speak(last.replace('HTTP/1.1', 'HTTP/1.0'));
    const reset = new Promise((resolve) => user.socket.once('error', resolve));
    await until(() => user.received.endsWith('half'));
    device.connections[0]?.send('nonsense\r\n');
    expect(await reset).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a trusted proxy may name one host, and nothing that is none', async () => {
    stage = await Stage.open({ trustProxy: ['127.0.0.1'] });
    const device = new RawDevice(await stage.agent({ extensions, properties }));
    const through = async (lines: string) => {
      const user = speak(last.replace('\r\n\r\n', `\r\n${lines}\r\n\r\n`).replace('dev1.localhost', 'proxy'));
      await user.whole();
      return user.statuses;
    };
    expect(await through('X-Forwarded-Host: dev1.localhost\r\nX-Forwarded-Proto: https')).toEqual([200]);
    expect(device.saw[0]).toContain('X-Forwarded-Proto: https\r\nX-Forwarded-Host: dev1.localhost\r\n');
    for (const host of [
      'dev1.localhost, evil',
      'evil@dev1.localhost',
      'dev1.localhost/x',
      'dev%31.localhost',
    ]) {
      expect([host, await through(`X-Forwarded-Host: ${host}`)]).toEqual([host, [404]]);
    }
    expect(await through('X-Forwarded-Host: dev1.localhost\r\nX-Forwarded-Host: evil')).toEqual([404]);
    expect(device.connections.length).toBe(1);
  });

  test('interimResponses: a device may not send them without end', async () => {
    await open({ interimResponses: 3 });
    const device = new RawDevice(await stage.agent({ extensions, properties }));
    const wait = 'HTTP/1.1 102 Wait\r\n\r\n';
    const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    device.answer = () => wait.repeat(3) + ok;
    const patient = speak(last);
    await patient.whole();
    expect(patient.statuses).toEqual([102, 102, 102, 200]);
    device.answer = () => wait.repeat(4) + ok;
    const flooded = speak(last);
    await flooded.whole();
    expect(flooded.statuses).toEqual([102, 102, 102, 502]);
  });

  test('discardMs: an upgrade that is refused leaves no connection behind', async () => {
    await open({ discardMs: 50 });
    const user = speak(
      `GET / HTTP/1.1\r\nHost: dev1.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    // Never closes its half.
    user.socket.removeAllListeners('end');
    // A connection that is gone answers with a reset.
    await until(() => {
      user.send('x');
      return user.closed;
    });
    expect(user.statuses).toEqual([401]);
  });

  test('exchangesPerUser: one user leaves room for the others', async () => {
    await open({ exchangesPerUser: 2 });
    const held: ServerResponse[] = [];
    await stage.web((_request, response) => held.push(response));
    const waiting = [speak(last), speak(last)];
    await until(() => held.length === 2);
    const refused = await ask(stage.port, '/');
    expect([refused.status, refused.headers['x-ptth-error']]).toEqual([
      429,
      'You have too many connections open',
    ]);
    for (const response of held) response.end();
    await Promise.all(waiting.map((user) => user.whole()));
    const again = ask(stage.port, '/');
    await until(() => held.length === 3);
    held[2]?.end();
    expect((await again).status).toBe(200);
  });

  test('formMs: a form comes as a whole, or costs its connection', async () => {
    await open({ formMs: 50 });
    const user = speak(
      'POST /my-devices/api/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nusername=a',
    );
    expect(await user.whole()).toBe('');
  });
});
