import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Route } from '../connection/dial.ts';
import { defaultLimits } from '../limits.ts';
import { systemClock } from '../system-clock.ts';
import { TestCommand } from '../testing/test-command.ts';
import { listDevices, requestToken } from './reflector-api.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function reflector(
  serve: (request: IncomingMessage, response: ServerResponse) => void,
  clock = systemClock,
) {
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const route: Route = {
    reflector: { secure: false, host: '127.0.0.1', port, target: '/' },
    proxy: null,
    tls: { ca: null, verify: true },
    limits: defaultLimits,
    clock,
  };
  return { route, where: `127.0.0.1:${port}` };
}

const alice = { user: 'alice', password: 'wonderland' };
const authorization = { header: 'Bearer x', refused: 'refused' };

describe('the log-in', () => {
  test('asks for the one-time password when the reflector wants it', async () => {
    const forms: string[] = [];
    const { where } = await reflector(async (request, response) => {
      const form = await text(request);
      forms.push(form);
      if (!form.includes('totp=')) response.writeHead(401, { 'X-Authenticate': 'TOTP' }).end();
      else response.end(JSON.stringify({ token: 'a.b.c', expires: 2_000_000_000 }));
    });
    const folder = mkdtempSync(join(tmpdir(), 'rm-totp-'));
    const command = new TestCommand({ XDG_CONFIG_HOME: folder });
    command.answers = ['alice', 'won der&land', '123 456'];
    expect((await command.run('login', '--reflector', `http://${where}`)).status).toBe(0);
    rmSync(folder, { recursive: true });
    expect(command.questions.at(-1)).toBe('One-time password: ');
    const plain = 'username=alice&password=won+der%26land&application=rm-client';
    expect(forms).toEqual([plain, `${plain}&totp=123456`]);
  });

  test.each([
    [401, {}, '', 'wrong user name or password'],
    [404, {}, '', 'gives no tokens; is it a reflector?'],
    [503, { 'X-PTTH-Error': 'too many log-ins at once' }, '', 'too many log-ins at once'],
    [500, {}, '', '/my-devices/api/token was answered with 500'],
    [200, {}, '<html>', 'the answer to /my-devices/api/token is not JSON'],
    [200, {}, 'null', 'the answer holds no token'],
    [200, {}, '{"token": "a\\r\\nb", "expires": 1}', 'the answer holds no token'],
    [
      200,
      {},
      `"${'x'.repeat(defaultLimits.answerBytes)}"`,
      `an answer of more than ${defaultLimits.answerBytes} bytes`,
    ],
  ])('%i %j is one line', async (status, headers, body, line) => {
    const { route, where } = await reflector((_, response) => response.writeHead(status, headers).end(body));
    await expect(requestToken(route, alice)).rejects.toThrow(`${where}: ${line}`);
  });

  test('has stepMs for the answer', async () => {
    const clock = new ManualClock();
    const { route, where } = await reflector(() => clock.advance(defaultLimits.stepMs), clock);
    await expect(requestToken(route, alice)).rejects.toThrow(`${where}: no answer within 15 s`);
    expect(clock.pending).toBe(0);
  });
});

describe('the list of devices', () => {
  test('is read page by page', async () => {
    const asked: string[] = [];
    const { route } = await reflector((request, response) => {
      asked.push(request.url ?? '');
      const next =
        asked.length === 1
          ? '{"devices": [{"id": "a"}], "next": "a"}'
          : '{"devices": [{"id": "b"}], "next": null}';
      response.end(next);
    });
    expect((await listDevices(route, authorization)).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(asked).toEqual(['/my-devices/api/devices', '/my-devices/api/devices?after=a']);
  });

  test('follows the cursor of rm-server, and reads its times', async () => {
    const asked: string[] = [];
    const { route } = await reflector((request, response) => {
      asked.push(request.url ?? '');
      response.end(
        asked.length === 1
          ? '{"items": [{"id": "a", "lastSeen": "2026-11-28T12:00:00.500Z"}], "next": "c1"}'
          : '{"items": [{"id": "b", "lastSeen": "yesterday"}], "next": null}',
      );
    });
    const devices = await listDevices(route, authorization);
    expect(devices.map(({ id, lastSeen }) => [id, lastSeen])).toEqual([
      ['a', 1_795_867_200],
      ['b', null],
    ]);
    expect(asked).toEqual(['/my-devices/api/devices', '/my-devices/api/devices?cursor=c1']);
  });

  test('does not follow a list for ever', async () => {
    const { route } = await reflector((_request, response) => {
      response.end('{"items": [{"id": "a"}], "next": "again"}');
    });
    await expect(listDevices(route, authorization)).rejects.toThrow('its list of devices has no order');
  });

  test('is read whatever is missing in it', async () => {
    const { route } = await reflector((request, response) => {
      expect([request.url, request.headers.authorization]).toEqual(['/my-devices/api/devices', 'Bearer x']);
      response.end('{"devices": [{"id": "a", "ports": ["x", 22], "name": ""}, null]}');
    });
    const nothing = { online: false, lastSeen: null, ports: [], name: null, version: null };
    expect(await listDevices(route, authorization)).toEqual([
      { ...nothing, id: 'a', ports: [22] },
      { ...nothing, id: 'undefined' },
    ]);
  });

  test.each([
    [401, '', 'refused'],
    [404, '', 'this reflector does not list its devices'],
    [200, '{"devices": {}}', 'the answer holds no devices'],
  ])('%i %s is one line', async (status, body, line) => {
    const { route, where } = await reflector((_, response) => response.writeHead(status).end(body));
    await expect(listDevices(route, authorization)).rejects.toThrow(`${where}: ${line}`);
  });
});
