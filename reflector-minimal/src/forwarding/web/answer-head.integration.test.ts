import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask } from '../../testing/ask.ts';
import { Forwarding } from '../../testing/scripted-agent.ts';
import { extensions, Stage } from '../../testing/stage.ts';

let stage: Stage;
const servers: { close(): unknown }[] = [];
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await stage.close();
});

/** A device on 192.168.1.1 that redirects everything to `location`, and says this of its service. */
async function device(location: (host: string, port: number) => string, settings = '', ports = '') {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response.writeHead(302, { Location: location(request.headers.host ?? '', port) });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  const properties = [
    { name: 'targetHost', value: '192.168.1.1' },
    { name: 'targetPorts', value: `${port}${ports}` },
    { name: 'httpPort', value: String(port) },
    { name: `service-${port}`, value: settings },
  ];
  new Forwarding(await stage.agent({ properties, extensions }), [port]);
  return { seen, port };
}

test('a redirect to the address of the device leads to the page of the user', async () => {
  await device((_host, port) => `http://192.168.1.1:${port}/sub/`);
  const { status, headers } = await ask(stage.port, '/');
  expect([status, headers.location]).toEqual([302, `http://dev1.localhost:${stage.port}/sub/`]);
});

test('a redirect to TLS that is not forwarded ends, and says what is missing', async () => {
  await device((host) => `https://${host}/`);
  const { status, headers, text } = await ask(stage.port, '/', { headers: { Accept: 'text/html' } });
  expect([status, headers['x-ptth-error']]).toEqual([
    502,
    'The device leads to its page by https, on its port 443, which is not forwarded',
  ]);
  expect(text).toContain('{ &quot;port&quot;: 443, &quot;kind&quot;: &quot;https&quot; }');
});

test('a redirect to TLS that is forwarded leads there', async () => {
  await device((host) => `https://${host}/`, '', ', 443');
  const { status, headers } = await ask(stage.port, '/');
  expect([status, headers.location]).toEqual([302, `http://dev1-443.localhost:${stage.port}/`]);
});

test('a redirect to the name that the device insists on ends, and says which setting it needs', async () => {
  const { seen, port } = await device((_host, own) => `http://192.168.1.1:${own}/`);
  const refused = await ask(stage.port, '/');
  expect([refused.status, refused.headers['x-ptth-error']]).toEqual([
    502,
    `The device wants to be asked as 192.168.1.1:${port}, and leads to the same page again`,
  ]);
  expect(seen.map(({ headers }) => headers.host)).toEqual([`dev1.localhost:${stage.port}`]);
});

test('a service is asked as its settings have it', async () => {
  const { seen } = await device(() => '/elsewhere', 'host=printer.lan:631; forwarded=no');
  const origin = `http://dev1.localhost:${stage.port}`;
  await ask(stage.port, '/', { method: 'POST', headers: { Origin: origin, Referer: `${origin}/form` } });
  const { host, origin: sent, referer } = seen[0]?.headers ?? {};
  expect([host, sent, referer]).toEqual([
    'printer.lan:631',
    'http://printer.lan:631',
    'http://printer.lan:631/form',
  ]);
  expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => name.startsWith('x-forwarded'))).toEqual([]);
});

test('a service has as long for its answer as its settings say', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ close: () => server.closeAllConnections() }, server);
  const { port } = server.address() as AddressInfo;
  const properties = [
    { name: 'targetPorts', value: String(port) },
    { name: `service-${port}`, value: 'responseTimeout=1' },
  ];
  new Forwarding(await stage.agent({ properties, extensions }), [port]);
  // The reflector's own bound is two minutes, which no test waits for.
  expect((await ask(stage.port, '/')).status).toBe(504);
});
