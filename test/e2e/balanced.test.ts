import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { root } from '../checkout.ts';
import type { BalancedOptions } from '../proxies/front.ts';
import { Haproxy } from '../proxies/haproxy.ts';
import { Nginx } from '../proxies/nginx.ts';
import type { ProxyProcess } from '../proxies/proxy-process.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { Stage } from '../scenarios/stage/stage.ts';
import { patience } from '../scenarios/stage/wait.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/**
 * `examples/haproxy` and `examples/reverse-proxy/nginx-stream.conf` with Debian's programs: an agent with a device certificate passes in
 * TLS, and agent and user have their own addresses in the audit log. One reflector of two drains.
 */

const addressOfAgent = '127.0.0.7';
const addressOfUser = '127.0.0.8';

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = async <Listening extends Server>(server: Listening): Promise<Listening> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

function administer(system: RemoteSystem, ...args: readonly string[]): void {
  const program = join(root, 'reflector-minimal/dist/main.js');
  const data = ['--data', join(system.directory, 'reflector.sqlite')];
  const { stderr } = spawnSync(process.execPath, [program, ...args, ...data], { encoding: 'utf8' });
  expect(stderr).toBe('');
}

/** For what another process does in its own time. */
const until = (condition: () => boolean | Promise<boolean>) =>
  vi.waitUntil(condition, { timeout: patience, interval: 50 });

/** Its decisions about this event. */
function audited(audit: string, event: string): Record<string, unknown>[] {
  if (!existsSync(audit)) return [];
  const lines = readFileSync(audit, 'utf8').trim().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line)).filter((record) => record.event === event);
}

const fronts = [
  ['HAProxy', (options: BalancedOptions) => Haproxy.startBalancing(options)],
  ['nginx', (options: BalancedOptions) => Nginx.startBalancing(options)],
] as const;

describe.each(fronts)('behind %s', (_name, start) => {
  let authority: Authority;
  let stage: Stage;
  let systems: readonly [RemoteSystem, RemoteSystem];
  let audits: readonly [string, string];
  let front: ProxyProcess;
  let port: number;
  let agent: AgentProcess;
  let device: ReturnType<typeof createServer>;
  let way: Server;

  beforeAll(async () => {
    [authority, stage] = [new Authority(), new Stage()];
    const { certFile, keyFile } = authority.issue({
      names: `DNS:localhost,DNS:*.localhost,DNS:${deviceId}.localhost`,
    });
    port = await reservedPort();
    const reflector = async (audit: string) =>
      await RemoteSystem.start({
        services: [],
        agent: null,
        reflector: [
          ...['--tls-cert', certFile, '--tls-key', keyFile, '--client-ca', authority.file],
          ...['--trust-proxy', '127.0.0.1', '--proxy-protocol', '--drain', '4', '--audit', audit],
        ],
      });
    audits = [join(stage.directory, 'a.log'), join(stage.directory, 'b.log')];
    systems = [await reflector(audits[0]), await reflector(audits[1])];
    for (const system of systems) {
      administer(system, 'device', 'remove', deviceId);
      const options = ['--domain', system.domain, '--certificate', '--issued-since', '2020-01-01'];
      administer(system, 'device', 'add', deviceId, ...options);
    }
    front = await start({
      ...{ port, reflectors: [systems[0].port, systems[1].port] },
      ...{ certificate: { cert: certFile, key: keyFile }, authority: authority.file },
    });
    device = await listen(
      createServer((incoming, response) => response.end(incoming.headers['x-forwarded-for'])),
    );
    // So that the agent has an address of its own.
    way = await listen(
      createTcpServer((near) => {
        const far = connect({ port, host: '127.0.0.1', localAddress: addressOfAgent });
        near.pipe(far).pipe(near);
        near.on('error', () => far.destroy());
        far.on('error', () => near.destroy());
      }),
    );
    const own = authority.issue({ name: deviceId });
    const file = stage.file(
      JSON.stringify({
        reflector: `https://localhost:${portOf(way)}/`,
        device: { id: deviceId, domain: systems[0].domain, password: '' },
        services: [{ port: portOf(device), kind: 'http' }],
        control: null,
        stateFile: null,
        reconnect: { min: 1, max: 1, refusedMax: 1 },
        tls: { ca: authority.file, cert: own.certFile, key: own.keyFile },
      }),
    );
    agent = stage.adopt(AgentProcess.start(['--config', file]));
    await agent.logged(/connected to/);
  });

  afterAll(async () => {
    await stage?.end();
    way?.close();
    device?.close();
    await front?.stop();
    for (const system of systems ?? []) await system.stop();
    authority?.remove();
  });

  /** What a browser at an address of its own gets of the device. */
  async function browse(): Promise<{ status: number | undefined; body: string }> {
    const asking = request({
      ...{ port, host: '127.0.0.1', localAddress: addressOfUser, agent: false },
      ...{ servername: `${deviceId}.localhost`, ca: readFileSync(authority.file) },
      headers: {
        Host: `${deviceId}.localhost:${port}`,
        Authorization: systems[0].authorization,
        'X-Forwarded-For': '203.0.113.9',
      },
    });
    const [response] = (await once(asking.end(), 'response')) as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  }

  test('agent and user are known by their own addresses, and a reflector that drains leads the agent to the other', async () => {
    await until(() => audits.some((audit) => audited(audit, 'device-tunnel').length > 0));
    const owner = audited(audits[0], 'device-tunnel').length > 0 ? 0 : 1;
    expect(audited(audits[owner], 'device-tunnel')).toMatchObject([
      { allowed: true, device: deviceId, address: addressOfAgent },
    ]);
    // The two have no presence in common: one of them says that the device is off line, perhaps the one with fewer connections.
    await until(async () => {
      const answers = await Promise.all([browse(), browse(), browse()]);
      return answers.some(({ status }) => status === 200);
    });
    const allowed = () => audited(audits[owner], 'request').find((request) => request.allowed);
    await until(() => allowed() !== undefined);
    expect(allowed()).toMatchObject({ device: deviceId, user: 'operator', address: addressOfUser });

    const { reflector, port: stopped } = systems[owner];
    // nginx does not ask for the health of what is behind it.
    if (front instanceof Nginx) front.takeOut(stopped);
    const ended = once(reflector, 'exit');
    reflector.kill('SIGTERM');
    await agent.logged(/closed by the reflector \(1001\)/);
    const other = owner === 0 ? audits[1] : audits[0];
    await until(() => audited(other, 'device-tunnel').length > 0);
    expect(audited(other, 'device-tunnel')).toMatchObject([{ allowed: true, address: addressOfAgent }]);
    expect(await browse()).toEqual({ status: 200, body: addressOfUser });
    expect(await ended).toEqual([0, null]);
    expect(await browse()).toEqual({ status: 200, body: addressOfUser });

    // The other one serves on, though nobody is healthy.
    if (!(front instanceof Haproxy)) return;
    const rest = systems[1 - owner] as RemoteSystem;
    const data = join(rest.directory, 'reflector.sqlite');
    renameSync(data, `${data}.away`);
    await until(() => ['a', 'b'].every((name) => front.output.includes(`Server servers/${name} is DOWN`)));
    expect(await browse()).toEqual({ status: 200, body: addressOfUser });
    renameSync(`${data}.away`, data);
  });
});
