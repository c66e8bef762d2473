import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reservedPort } from '../../../toolchain/loopback-port.mjs';
import { addDevice, connectDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

const token = 'a token of the metrics';
const north = '00000000-0000-0000-0000-00000000000a';
const file = (name: string) => fileURLToPath(new URL(`../../metrics/${name}`, import.meta.url));

function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly type: string; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get({ port, path, headers: { host: `localhost:${port}`, ...headers } }, async (response) => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece as string;
      resolve({ status: response.statusCode ?? 0, type: String(response.headers['content-type']), text });
    }).on('error', reject);
  });
}

describe('with a token', () => {
  let server: TestServer;
  let port: number;
  const metrics = async () => (await ask(port, '/metrics', { authorization: `Bearer ${token}` })).text;
  beforeAll(async () => {
    server = await TestServer.start({ own: { metrics: { token } } });
    ({ port } = server.reflector);
    await addDevice(server, 'dev1', north);
  });
  afterAll(() => server.close());

  test.each([[{}], [{ authorization: 'Bearer wrong' }], [{ authorization: `Basic ${token}` }]])(
    '%o is refused',
    async (headers) => {
      const { status, text } = await ask(port, '/metrics', headers);
      expect([status, text]).not.toContain(200);
      expect(text).not.toContain('rm_tunnels');
    },
  );

  test('figures of devices, requests and log-ins', async () => {
    const before = await metrics();
    expect(figureOf(before, 'rm_tunnels')).toBe(0);
    expect(figureOf(before, 'rm_devices{state="claimed"}')).toBe(1);
    expect(figureOf(before, 'rm_store_up')).toBe(1);
    const agent = await connectDevice(server, 'dev1', north);
    await server.as('alice').get('/openapi.json');
    await ask(port, '/my-devices/api/openapi.json', { authorization: 'Basic YWxpY2U6d3Jvbmc=' });
    const after = await metrics();
    expect(figureOf(after, 'rm_tunnels')).toBe(1);
    expect(figureOf(after, 'rm_device_connections_total{outcome="allowed"}')).toBe(1);
    expect(figureOf(after, 'rm_log_ins_total{outcome="refused"}')).toBe(1);
    const ok = 'rm_http_requests_total{host="own",status="2xx"}';
    expect(figureOf(after, ok)).toBeGreaterThan(figureOf(before, ok));
    expect(after).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(after).not.toMatch(/dev1|alice/);
    agent.destroy();
  });

  test.each([
    ['no name of a host', { setHost: false }],
    ['an address', { headers: { host: '127.0.0.1' } }],
  ])(
    'a load balancer that asks for the health with %s counts as none of a device',
    async (_name, options) => {
      const before = await metrics();
      const [response] = await once(get({ port, path: '/healthz', ...options }), 'response');
      await once(response.resume(), 'close');
      const after = await metrics();
      const all = (text: string, host: string) =>
        ['2xx', '4xx'].reduce(
          (sum, status) => sum + figureOf(text, `rm_http_requests_total{host="${host}",status="${status}"}`),
          0,
        );
      expect(all(after, 'device')).toBe(all(before, 'device'));
      // That for the figures before is the other one.
      expect(all(after, 'own')).toBe(all(before, 'own') + 2);
    },
  );

  test('promtool finds nothing wrong with them', async () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await metrics(),
      encoding: 'utf8',
    });
    // Those of the library are named as Node names them.
    const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('rm_'));
    expect([ours, status === null]).toEqual([[], false]);
  });

  test.each(['grafana-dashboard.json', 'alerts.yml'])(
    '%s names only figures that there are',
    async (name) => {
      const text = await metrics();
      const named = [...readFileSync(file(name), 'utf8').matchAll(/\b(?:rm|nodejs|process)_[a-z0-9_]+/g)];
      expect(named.length).toBeGreaterThan(5);
      for (const [figure] of named) expect(text).toContain(`# TYPE ${figure} `);
    },
  );
});

test('health in detail is for those who may read the server', async () => {
  const server = await TestServer.start();
  expect(await server.as('alice').get('/health')).toMatchObject({
    status: 200,
    body: { store: 'ok', online: 0, queues: { reads: 0, events: expect.any(Number), webhook_posts: 0 } },
  });
  expect((await server.as('bob').get('/health')).status).toBe(403);
  await server.close();
});

test('promtool checks and runs the rules', () => {
  for (const args of [
    ['check', 'rules', file('alerts.yml')],
    ['test', 'rules', file('alerts.test.yml')],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  }
});

test('the panels of the dashboard have places, queries and names of their own', () => {
  interface Panel {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
    readonly targets: readonly { readonly expr: string; readonly refId: string }[];
  }
  const { panels, schemaVersion } = JSON.parse(readFileSync(file('grafana-dashboard.json'), 'utf8')) as {
    panels: Panel[];
    schemaVersion: number;
  };
  expect(schemaVersion).toBeGreaterThan(30);
  for (const key of ['id', 'title'] as const)
    expect(new Set(panels.map((one) => one[key])).size).toBe(panels.length);
  expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length);
  for (const { gridPos, targets } of panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    expect(targets.every(({ expr, refId }) => expr !== '' && refId !== '')).toBe(true);
  }
});

test('the dashboard shows every figure of the cache that the documentation names', () => {
  const documented = readFileSync(new URL('../../../docs/server/metrics.md', import.meta.url), 'utf8');
  const figures = new Set(documented.match(/\brm_cache_[a-z_]+/g));
  expect(figures.size).toBe(4);
  const dashboard = readFileSync(file('grafana-dashboard.json'), 'utf8');
  expect([...figures].filter((figure) => !dashboard.includes(figure))).toEqual([]);
});

test('a listener of its own serves them, and the server does not', async () => {
  const own = await reservedPort();
  const server = await TestServer.start({ own: { metrics: { listen: `127.0.0.1:${own}` } } });
  await expect
    .poll(
      () =>
        ask(own, '/metrics').then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 120_000 },
    )
    .toBe(200);
  expect((await ask(own, '/other')).status).toBe(404);
  expect((await ask(own, '/metrics')).text).toContain('rm_tunnels 0');
  expect((await ask(server.reflector.port, '/metrics')).text).not.toContain('rm_tunnels');
  await server.close();
});

test('metricsConnections, metricsMs: who sends nothing keeps a place for a while', async () => {
  const own = await reservedPort();
  const server = await TestServer.start({
    own: { metrics: { listen: `127.0.0.1:${own}` } },
    limits: { metricsConnections: 1, metricsMs: 15_000 },
  });
  const status = () =>
    ask(own, '/metrics', { connection: 'close' }).then(
      (answer) => answer.status,
      () => 0,
    );
  await expect.poll(status, { timeout: 120_000 }).toBe(200);
  const silent = connect(own, '127.0.0.1').on('error', () => {});
  await once(silent, 'connect');
  silent.write('GET /metrics HTTP/1.1\r\n');
  expect(await status()).toBe(0);
  await expect.poll(status, { timeout: 120_000 }).toBe(200);
  silent.destroy();
  await server.close();
});

test('metricsDevicesMs: devices are not counted each time', async () => {
  const server = await TestServer.start({
    own: { metrics: { token } },
    limits: { metricsDevicesMs: 3_600_000 },
  });
  const claimed = async () => {
    const { text } = await ask(server.reflector.port, '/metrics', { authorization: `Bearer ${token}` });
    return /^rm_devices\{[^}]*state="claimed"[^}]*\} (\d+)$/m.exec(text)?.[1];
  };
  await addDevice(server, 'dev1', north);
  expect(await claimed()).toBe('1');
  await addDevice(server, 'dev2', north);
  expect(await claimed()).toBe('1');
  await server.close();
});

test.each([
  [{ token: 'short' }, 'metrics.token: must have 16 characters or more'],
  [{ listen: '127.0.0.1:70000' }, 'metrics.listen: there is no such port'],
  [
    { listen: 'nonsense' },
    'metrics.listen: must match pattern "^(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+):[0-9]{1,5}$" (Address and port at which /metrics is served, such as 127.0.0.1:9464)',
  ],
  [{}, 'metrics: must NOT have fewer'],
])('%o is no configuration', async (metrics, message) => {
  await expect(TestServer.start({ own: { metrics } })).rejects.toThrow(message);
});

function figureOf(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}
