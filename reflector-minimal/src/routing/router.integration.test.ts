import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { extensions, Stage } from '../testing/stage.ts';

describe('the front', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  const html = { Accept: 'text/html,*/*' };

  test('asks a stranger to log in before it tells whether a device exists', async () => {
    for (const host of ['dev1.localhost', 'nobody.localhost', 'localhost']) {
      for (const headers of [
        { Authorization: '' },
        { Authorization: 'Basic YWxpY2U6d3Jvbmc=' },
        { Authorization: 'Bearer a.b.c' },
      ]) {
        const answer = await ask(stage.port, '/', { host, headers: { ...headers, ...html } });
        expect([host, answer.status]).toEqual([host, 401]);
        expect(answer.headers['www-authenticate']).toBe('Basic realm="Reflector", charset="UTF-8"');
        expect(answer.text).not.toMatch(/nobody|dev1/);
      }
    }
  });

  test('says what is wrong: unknown device, off line, unknown host, port not forwarded, nothing there', async () => {
    const status = async (host: string, path = '/') => {
      const answer = await ask(stage.port, path, { host });
      return [answer.status, answer.headers['x-ptth-error']];
    };
    expect(await status('nobody.localhost')).toEqual([404, 'There is no device "nobody"']);
    expect(await status('a.dev1.localhost')).toEqual([404, 'There is no such host here']);
    expect(await status('evil.example.com')).toEqual([404, 'There is no such host here']);
    expect(await status('dev1.localhost')).toEqual([503, 'The device "dev1" is off line']);
    expect(await status('localhost', '/nothing')).toEqual([404, 'There is nothing here']);
    const agent = await stage.agent();
    expect(await status('dev1.localhost')).toEqual([502, 'The device "dev1" forwards no web interface']);
    expect(await status('dev1-99.localhost')).toEqual([403, 'The device does not forward port 99']);
    agent.destroy();
  });

  test.each([
    [2, 403, /does not forward port 80/],
    [3, 502, /Nothing answers on port 80/],
    [4, 504, /not answered in time/],
    [5, 502, /connection to the service on the device has failed/],
  ])('tells the user what open fault %i means', async (fault, status, text) => {
    const agent = await stage.agent({ properties: [{ name: 'targetPorts', value: '80' }] });
    agent.onFrame = (frame) => agent.fault(frame.channel, fault);
    const answer = await ask(stage.port, '/', { headers: html });
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(text);
    expect(answer.headers['content-security-policy']).toMatch(/default-src 'none'/);
  });

  test('a device that goes away in the middle: 502 with a page that says so', async () => {
    const agent = await stage.agent({ properties: [{ name: 'targetPorts', value: '80' }] });
    agent.onFrame = (frame) => {
      if (frame.opcode === 0x01) agent.confirm(frame.channel);
      else agent.destroy();
    };
    const answer = await ask(stage.port, '/', { headers: html });
    expect(answer.status).toBe(502);
    expect(answer.text).toContain('<h1>The device went away before it had answered</h1>');
  });

  test('a second web interface is reached by its port in the host name', async () => {
    const { port } = await stage.web((request, response) => response.end(request.headers.host));
    const host = `dev1-${port}.localhost`;
    expect((await ask(stage.port, '/', { host })).text).toBe(`${host}:${stage.port}`);
  });

  test('the page of all devices names them, and lets no property break out of the markup', async () => {
    await stage.web((_request, response) => response.end(), {
      extensions,
      properties: [
        { name: 'name', value: 'Pump <script>alert(1)</script>' },
        { name: 'httpPort', value: '80' },
        { name: 'httpPath', value: '//evil.example.com/' },
      ],
    });
    const answer = await ask(stage.port, '/', { host: 'localhost' });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('Pump &lt;script&gt;');
    expect(answer.text).toContain(`<a href="http://dev1.localhost:${stage.port}/">`);
    expect(answer.text).toContain('<span class="on">on line</span>');
  });

  test("/healthz needs no log-in, on the reflector's own host only", async () => {
    const own = await ask(stage.port, '/healthz', { host: '127.0.0.1', headers: { Authorization: '' } });
    expect([own.status, own.text]).toEqual([200, '{"status":"ok"}\n']);
    const { forwarding } = await stage.web((request, response) => response.end(`device ${request.url}`));
    expect((await ask(stage.port, '/healthz')).text).toBe('device /healthz');
    expect(forwarding.opens).toBe(1);
  });

  test('/healthz is not ok without the data file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rm-health-'));
    const data = join(folder, 'reflector.sqlite');
    const filed = await Stage.open({ data });
    const health = () => ask(filed.port, '/my-devices/health.json', { host: 'localhost' });
    expect((await health()).status).toBe(200);
    Object.assign(filed.reflector.store, { called: 'the database' });
    rmSync(data);
    expect((await health()).text).toBe('{"status":"the database cannot be used"}\n');
    Object.assign(filed.reflector.store, { called: undefined });
    const answer = await health();
    expect([answer.status, answer.text]).toEqual([503, '{"status":"the data file cannot be used"}\n']);
    await filed.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    [
      'an agent, in HTTP/1.1',
      'GET / HTTP/1.1',
      'X-PTTH-Set-Property: device;targetPorts=80\r\n',
      '',
      /: the proxy at 127\.0\.0\.1 does not pass "Upgrade" on$/,
    ],
    [
      'the original agent',
      'POST / HTTP/1.1',
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0\r\n',
      'Via: 1.1 squid\r\n',
      /: the proxy "1\.1 squid" does not pass "Upgrade" on$/,
    ],
    [
      'a client, in HTTP/1.0',
      'GET / HTTP/1.0',
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
      '',
      /: the proxy at 127\.0\.0\.1 speaks HTTP\/1\.0$/,
    ],
  ])(
    '%s, whose upgrade a proxy has lost, is told so before anything else',
    async (_, line, lines, via, error) => {
      const socket = connect(stage.port, '127.0.0.1');
      socket.write(`${line}\r\nHost: dev1.localhost\r\n${lines}${via}Content-Length: 0\r\n\r\n`);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/);
      expect(answer).toMatch(/^Upgrade: websocket\r$/m);
      expect(/^X-PTTH-Error: (.*)\r$/m.exec(answer)?.[1]).toMatch(error);
    },
  );

  test('discardMs: a refusal reaches a user who is still sending, for a time', async () => {
    const refused = await ask(stage.port, '/', {
      method: 'POST',
      body: Buffer.alloc(3_000_000),
      headers: { Authorization: '' },
    });
    expect(refused.status).toBe(401);
    const patient = await Stage.open({ limits: { discardMs: 50 } });
    const socket = connect(patient.port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: dev1.localhost\r\nContent-Length: 100\r\n\r\nbegin');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    await patient.close();
  });

  test('a target in absolute form is refused', async () => {
    const answer = await ask(stage.port, 'http://other.localhost/', {});
    expect(answer.status).toBe(400);
  });
});
