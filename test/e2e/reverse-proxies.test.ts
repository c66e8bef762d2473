import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../certificates/self-signed.ts';
import type { FrontOptions } from '../proxies/front.ts';
import { Haproxy } from '../proxies/haproxy.ts';
import { Nginx } from '../proxies/nginx.ts';
import type { ProxyProcess } from '../proxies/proxy-process.ts';
import { startOpenSsh } from '../ssh/openssh.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { DemoDevice } from '../system/demo-device.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { RmClient, run } from '../system/rm-client.ts';

/** The examples in `examples/reverse-proxy`, with Debian's programs: agent, browser and `rm-client` all come through them. */

let directory: string;
let certificate: { readonly cert: string; readonly key: string };
let device: DemoDevice;
let openssh: SshServer;
let browser: Browser;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-front-'));
  const names = `DNS:localhost,DNS:*.localhost,IP:127.0.0.1`;
  certificate = selfSigned(directory, 'localhost', { names });
  device = await DemoDevice.start();
  openssh = await startOpenSsh(deviceId);
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await openssh?.stop();
  await device?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const proxies = [
  ['nginx', (options: FrontOptions) => Nginx.start(options)],
  ['HAProxy', (options: FrontOptions) => Haproxy.start(options)],
  ['HAProxy of docker-compose', (options: FrontOptions) => Haproxy.startAsInContainer(options)],
] as const;

describe.each(proxies)('behind %s', (name, start) => {
  let port: number;
  let front: ProxyProcess;
  let system: RemoteSystem;
  const url = () => `https://${deviceId}.localhost:${port}`;

  beforeAll(async () => {
    port = await reservedPort();
    system = await RemoteSystem.start({
      services: [
        { port: device.port, kind: 'http' },
        { port: openssh.port, kind: 'ssh' },
      ],
      reflector: ['--trust-proxy', '127.0.0.1'],
      way: async (reflector) => {
        front = await start({ port, reflector, certificate });
        return port;
      },
      configuration: { reflector: `https://127.0.0.1:${port}/`, tls: { ca: certificate.cert } },
    });
  });

  afterAll(async () => {
    await system?.stop();
    await front?.stop();
  });

  test('Chromium shows a page with a WebSocket, and sends 8 MiB', async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await openLoggedIn(page, `${url()}/`, system);
    const before = await page.locator('#live').textContent();
    await page.waitForFunction((text) => document.querySelector('#live')?.textContent !== text, before);
    const bytes = randomFillSync(Buffer.alloc(8 << 20));
    const file = join(directory, 'upload.bin');
    writeFileSync(file, bytes);
    await page.locator('#upload-file').setInputFiles(file);
    await page.locator('#upload-button').click();
    const shown = page.locator('#upload-sha256');
    await shown.filter({ hasText: /^[0-9a-f]{64}$/ }).waitFor();
    expect(await shown.textContent()).toBe(createHash('sha256').update(bytes).digest('hex'));
    await context.close();
  });

  /** Status and headers of a GET as a program, with what a user may try to say of itself. */
  async function get(host: string, headers: Record<string, string | string[]>) {
    const asking = request({
      ...{ port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(certificate.cert) },
      headers: { Host: `${host}:${port}`, Authorization: system.authorization, ...headers },
    });
    const [response] = await once(asking.end(), 'response');
    response.resume();
    return response;
  }

  test('the host is that of the request, whatever a user says', async () => {
    const headers = { 'X-Forwarded-Host': 'nobody.localhost', 'X-Forwarded-Proto': 'http' };
    const response = await get('localhost', headers);
    expect([response.statusCode, response.headers['strict-transport-security']]).toEqual([
      200,
      'max-age=31536000',
    ]);
    expect((await get('nobody.localhost', {})).statusCode).toBe(404);
  });

  test('CONNECT passes HAProxy, and not nginx', async () => {
    const file = join(directory, 'curlrc');
    writeFileSync(file, `proxy-user = "${system.user}:${system.password}"\n`, { mode: 0o600 });
    const { output, errors } = await run('curl', [
      ...['--silent', '--show-error', '--config', file, '--proxytunnel', '--output', '/dev/null'],
      ...[
        '--proxy',
        `https://localhost:${port}`,
        '--proxy-cacert',
        certificate.cert,
        '--write-out',
        '%{http_code}',
      ],
      `http://${deviceId}.localhost:${device.port}/`,
    ]);
    if (name !== 'nginx') expect([output, errors]).toEqual(['200', '']);
    else expect(errors).toMatch(/CONNECT tunnel failed, response 40[05]/);
  });

  test('an idle ssh outlives the time-out of the proxy by the PINGs of rm-client, and only by them', async () => {
    const shortPort = await reservedPort();
    const short = await start({
      ...{ port: shortPort, reflector: system.port, certificate },
      edits: [[/\b1h\b/, '2s']],
    });
    const client = await RmClient.logIn(system);
    const ssh = (...options: string[]) =>
      client.run(
        [
          ...['ssh', '--reflector', `https://localhost:${shortPort}`, '--ca', certificate.cert, ...options],
          ...['-p', String(openssh.port), ...openssh.clientOptions, `${openssh.user}@${deviceId}`],
          'sleep 6; echo still here',
        ],
        { env: { ...client.environment, RM_USER: system.user, RM_PASSWORD: system.password } },
      );
    const [kept, silent] = await Promise.all([ssh('--keep-alive', '1'), ssh('--keep-alive', '60')]);
    expect(kept).toEqual({ status: 0, output: 'still here\n', errors: '' });
    expect([silent.status, silent.output]).toEqual([255, '']);
    client.remove();
    await short.stop();
  });
});

test('an agent behind an nginx that drops Upgrade is told so', async () => {
  const port = await reservedPort();
  const system = await RemoteSystem.start({ services: [], agent: null });
  const nginx = await Nginx.start({
    ...{ port, reflector: system.port, certificate },
    edits: [[/ +proxy_set_header (?:Upgrade|Connection) .*\n/, '']],
  });
  const asking = request({
    ...{ port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(certificate.cert) },
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': 'com.appinf.webtunnel.server/1.0',
    },
  });
  const [response] = await once(asking.end(), 'response');
  expect([response.statusCode, response.headers['x-ptth-error']]).toEqual([
    426,
    'A WebSocket came without its upgrade: the proxy at 127.0.0.1 does not pass "Upgrade" on',
  ]);
  response.destroy();
  await nginx.stop();
  await system.stop();
});
