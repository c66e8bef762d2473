import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/** A device behind a gateway that only works at its own address, and says so in the head of each answer. */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['tiny', ['dist/x86_64/rm-agent']],
] as const;

async function listening(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

describe.each(agents)('a device behind the gateway on %s', (_, command) => {
  let system: RemoteSystem;
  let gateway: AgentProcess;
  let web: Awaited<ReturnType<typeof listening>>;
  let video: Awaited<ReturnType<typeof listening>>;
  /** What the device was sent last. */
  let seen: IncomingMessage['headers'];

  beforeAll(async () => {
    video = await listening((_, response) => response.end('video'));
    web = await listening((incoming, response) => {
      const own = `127.0.0.1:${web.port}`;
      seen = incoming.headers;
      if (incoming.headers.host !== own) {
        response.writeHead(421).end();
        return;
      }
      const heads: Record<string, Record<string, string>> = {
        '/moved': { Location: `http://${own}/there` },
        '/video': { Location: `http://127.0.0.1:${video.port}/live` },
        '/later': { Refresh: `5; url=http://${own}/there` },
        '/made': { 'Content-Location': `http://${own}/things/7` },
        '/log-in': { 'Set-Cookie': 'session=1; Domain=127.0.0.1; Path=/' },
        '/vendor': { Location: 'https://vendor.example/' },
      };
      const head = heads[incoming.url ?? ''] ?? {};
      response.writeHead('Location' in head ? 302 : 200, head).end(`<a href="http://${own}/">home</a>`);
    });
    system = await RemoteSystem.start({ services: [], agent: null });
    const folder = join(system.directory, 'devices');
    mkdirSync(folder);
    const write = (path: string, content: object) =>
      writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    write(join(folder, 'controller.json'), {
      device: { id: deviceId, domain: system.domain, password: { file: join(system.directory, 'device') } },
      target: '127.0.0.1',
      services: [
        { port: 80, targetPort: web.port, host: `127.0.0.1:${web.port}` },
        { port: 8080, targetPort: video.port, kind: 'http' },
      ],
    });
    const file = join(system.directory, 'gateway.json');
    write(file, {
      reflector: `http://127.0.0.1:${system.port}/`,
      gateway: { folder },
      control: null,
      stateFile: null,
    });
    gateway = AgentProcess.start(['--config', file], {}, command);
    await gateway.logged(/device-1: connected to/);
  });

  afterAll(async () => {
    gateway?.signal('SIGTERM');
    await gateway?.ended();
    await system?.stop();
    for (const each of [web, video]) each?.server.close();
  });

  async function ask(path: string, headers: Record<string, string> = {}, name = deviceId) {
    const outgoing = request({
      host: '127.0.0.1',
      port: system.port,
      path,
      headers: { Host: `${name}.localhost:${system.port}`, Authorization: system.authorization, ...headers },
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response.setEncoding('utf8')) text += piece;
    return { status: response.statusCode, headers: response.headers, text };
  }

  const ours = () => `http://${system.host}`;

  it('is asked as by a user beside it', async () => {
    const { status } = await ask('/', { Origin: ours(), Referer: `${ours()}/page` });
    const own = `127.0.0.1:${web.port}`;
    expect(status).toBe(200);
    expect(seen).toMatchObject({ host: own, origin: `http://${own}`, referer: `http://${own}/page` });
  });

  it.each([
    ['/moved', 'location', () => `${ours()}/there`],
    ['/later', 'refresh', () => `5; url=${ours()}/there`],
    ['/made', 'content-location', () => `${ours()}/things/7`],
    ['/log-in', 'set-cookie', () => ['session=1; Path=/']],
    // A further port of the same device, which is a service too.
    ['/video', 'location', () => `http://${deviceId}-8080.localhost:${system.port}/live`],
    ['/vendor', 'location', () => 'https://vendor.example/'],
  ])('leads the user of %s on by %s', async (path, field, expected) => {
    const { headers } = await ask(path);
    expect(headers[field]).toEqual(expected());
  });

  it('is reached at the further port', async () => {
    expect(await ask('/live', {}, `${deviceId}-8080`)).toMatchObject({ status: 200, text: 'video' });
  });

  it('keeps the absolute addresses inside its pages', async () => {
    expect((await ask('/')).text).toBe(`<a href="http://127.0.0.1:${web.port}/">home</a>`);
  });
});
