import { describe, expect } from 'vitest';
import { confirm, open } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, deviceId, domain, scenario } from './stage/stage.ts';
import { briefly } from './stage/wait.ts';

/** The upgrade request and its answers: `webtunnel.md` section 1. */

const user = `${deviceId}@${domain}`;

function device(more: Record<string, unknown>): Record<string, unknown> {
  return { id: deviceId, domain, password: 's3cret', ...more };
}

describe.concurrent('the upgrade request', () => {
  scenario('is a GET with the headers of RFC 6455 and of WebTunnel', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: 123 } }));
    const upgrade = await reflector.upgrade();
    expect(upgrade.method).toBe('GET');
    expect(upgrade.target).toBe('/');
    expect(upgrade.httpVersion).toBe('1.1');
    expect(upgrade.header('Host')).toBe(`127.0.0.1:${reflector.port}`);
    expect(upgrade.header('Upgrade')).toMatch(/^websocket$/i);
    expect(upgrade.header('Connection')).toMatch(/^upgrade$/i);
    expect(upgrade.header('Sec-WebSocket-Version')).toBe('13');
    expect(Buffer.from(upgrade.header('Sec-WebSocket-Key') ?? '', 'base64')).toHaveLength(16);
    expect(upgrade.header('Sec-WebSocket-Protocol')).toBe('com.appinf.webtunnel.server/1.0');
    expect(upgrade.header('X-WebTunnel-KeepAlive')).toBe('123');
    expect(upgrade.header('X-WebTunnel-Extensions')).toMatch(/^max-frame=\d+, window=\d+$/);
    expect(upgrade.header('User-Agent')).toMatch(/^rm-agent\/\d+\.\d+\.\d+/);
    expect(upgrade.header('Origin')).toBeUndefined();
  });

  scenario('goes to the path of the configured URI', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(`${reflector.uri}tunnels/eu`, [1]));
    expect((await reflector.upgrade()).target).toBe('/tunnels/eu');
  });

  scenario('is a POST where the configuration says so', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [echo.port], { upgrade: { method: 'POST' } }));
    const upgrade = await reflector.upgrade();
    expect(upgrade.method).toBe('POST');
    const tunnel = upgrade.accept();
    await tunnel.open(1, echo.port);
  });

  scenario('carries Basic credentials of device, domain and password', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1]));
    // base64 of 11111111-2222-3333-4444-555555555555@00000000-0000-0000-0000-00000000000a:s3cret
    expect((await reflector.upgrade()).header('Authorization')).toBe(
      'Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1QDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwYTpzM2NyZXQ=',
    );
  });

  scenario('carries Basic credentials without a password when there is none', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { device: { id: deviceId, domain } }));
    const header = (await reflector.upgrade()).header('Authorization') ?? '';
    expect(Buffer.from(header.replace('Basic ', ''), 'base64').toString()).toBe(`${user}:`);
  });

  scenario('takes the password from a file, afresh for each attempt', async ({ stage }) => {
    const reflector = await stage.reflector();
    const file = stage.file('first\n', 'secret');
    stage.agent(configuration(reflector, [1], { device: device({ password: { file } }) }));
    const password = (header = '') => Buffer.from(header.slice(6), 'base64').toString().split(':')[1];
    const first = await reflector.upgrade();
    expect(password(first.header('Authorization'))).toBe('first');
    stage.file('second\n', 'secret');
    first.accept().drop();
    expect(password((await reflector.upgrade()).header('Authorization'))).toBe('second');
  });

  scenario('takes the password from the environment', async ({ stage }) => {
    const reflector = await stage.reflector();
    const path = stage.file(
      JSON.stringify(
        configuration(reflector, [1], { device: device({ password: { env: 'DEVICE_SECRET' } }) }),
      ),
    );
    stage.run(['--config', path], { DEVICE_SECRET: 'from outside' });
    const header = (await reflector.upgrade()).header('Authorization') ?? '';
    expect(Buffer.from(header.slice(6), 'base64').toString()).toBe(`${user}:from outside`);
  });

  scenario('announces services and properties, quoted as the original quotes them', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(
      configuration(reflector, [], {
        device: device({
          name: 'probe "dev"',
          version: '1.2.3',
          tenant: 'plant 7',
          properties: { serial: 'SN-1', place: 'Gebäude 4', count: 3 },
        }),
        services: [
          { port: 18022, kind: 'ssh' },
          { port: 18080, kind: 'http', path: '/ui/' },
          { port: 18099, kind: 'tcp' },
        ],
      }),
    );
    const properties = (await reflector.upgrade()).all('X-PTTH-Set-Property');
    expect(properties).toEqual(
      expect.arrayContaining([
        'device;targetHost=127.0.0.1',
        'device;targetPorts=18022, 18080, 18099',
        'device;httpPath="/ui/"',
        'device;httpPort=18080',
        'device;sshPort=18022',
        'device;name="probe \\"dev\\""',
        'device;version="1.2.3"',
        'device;tenant="plant 7"',
        'device;serial="SN-1"',
        'device;place="Gebäude 4"',
        'device;count="3"',
      ]),
    );
    expect(properties).toHaveLength(11);
  });

  scenario('announces a port of each kind', async ({ stage }) => {
    const reflector = await stage.reflector();
    const kinds = ['http', 'ssh', 'vnc', 'rdp', 'vpn', 'app'];
    const services = kinds.map((kind, i) => ({ port: 7001 + i, kind }));
    stage.agent(configuration(reflector, [], { services }));
    const properties = (await reflector.upgrade()).all('X-PTTH-Set-Property');
    expect(properties).toEqual(
      expect.arrayContaining(kinds.map((kind, i) => `device;${kind}Port=${7001 + i}`)),
    );
  });

  scenario('keeps control characters of a property out of the head', async ({ stage }) => {
    const reflector = await stage.reflector();
    const command = ['printf', 'one\\rX-Injected: yes\\tend\\001.'];
    stage.agent(configuration(reflector, [1], { device: device({ properties: { uptime: { command } } }) }));
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('X-Injected')).toBeUndefined();
    expect(upgrade.all('X-PTTH-Set-Property')).toContain('device;uptime="one X-Injected: yes end ."');
  });
});

describe.concurrent('the response', () => {
  scenario.for([
    ['without the subprotocol', { subprotocol: null }],
    ['with another subprotocol', { subprotocol: 'com.appinf.webtunnel.client/1.0' }],
    [
      'with a WebSocket extension that was not offered',
      { headers: ['Sec-WebSocket-Extensions: permessage-deflate'] },
    ],
  ] as const)('101 %s is refused, and the next attempt comes', async ([, options], { stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    const tunnel = await reflector.tunnel(options);
    await tunnel.closed;
    await agent.logged(/subprotocol|extension/i);
    await reflector.tunnel();
  });

  scenario('101 with a wrong Sec-WebSocket-Accept is refused', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    const upgrade = await reflector.upgrade();
    upgrade.socket.write(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
        'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
        '',
        '',
      ].join('\r\n'),
    );
    await agent.logged(/Sec-WebSocket-Accept/i);
    await reflector.tunnel();
  });

  scenario('may bring the first frame in the same packet', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [echo.port]));
    const upgrade = await reflector.upgrade();
    upgrade.socket.cork();
    const tunnel = upgrade.accept();
    tunnel.send(open(1, echo.port));
    upgrade.socket.uncork();
    await tunnel.expect(confirm(1));
  });

  scenario.for(['401 Unauthorized', '403 Forbidden'])(
    '%s is logged with the reason that the reflector gives',
    async (status, { stage }) => {
      const reflector = await stage.reflector();
      const agent = stage.agent(configuration(reflector, [1]));
      (await reflector.upgrade()).refuse(status, 'X-PTTH-Error: this device was sold');
      const line = await agent.logged(/this device was sold/);
      expect(line).toContain(status.slice(0, 3));
    },
  );

  scenario('never brings the password into the log', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { log: { level: 'debug' } }));
    (await reflector.upgrade()).refuse('500 Internal Server Error');
    const tunnel = await reflector.tunnel();
    tunnel.drop();
    await reflector.tunnel();
    const log = agent.log.join('\n');
    expect(log).not.toBe('');
    expect(log).not.toContain('s3cret');
    expect(log).not.toContain(Buffer.from(`${user}:s3cret`).toString('base64'));
  });

  scenario.for([
    '200 OK',
    '400 Bad Request',
    '404 Not Found',
    '405 Method Not Allowed',
    '426 Upgrade Required',
    '500 Internal Server Error',
    '503 Service Unavailable',
  ])('%s is tried again', async (status, { stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1]));
    (await reflector.upgrade()).refuse(status);
    await reflector.tunnel();
  });

  scenario('426 is a fault, and what may be the cause is said', async ({ stage }) => {
    const reflector = await stage.reflector();
    // A refusal would be waited for an eighth of this at least.
    const agent = stage.agent(configuration(reflector, [1], { reconnect: { min: 1, max: 86_400 } }));
    (await reflector.upgrade()).refuse('426 Upgrade Required');
    await agent.logged(/answered 426 .*pass "Upgrade" on\?; next attempt in [01]\./);
    await reflector.tunnel();
  });

  scenario.for([
    'not HTTP at all\r\n\r\n',
    'HTTP/1.1 101\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`,
  ])('that is no proper head (%#) is tried again', async (bytes, { stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1]));
    const upgrade = await reflector.upgrade();
    upgrade.socket.write(bytes);
    await reflector.tunnel();
  });

  scenario('that never comes is given up at the connect time-out', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { timeouts: { connect: briefly } }));
    await reflector.upgrade();
    await reflector.tunnel();
    expect(agent.log.join('\n')).toMatch(/time|timed out|no (answer|response)/i);
  });
});
