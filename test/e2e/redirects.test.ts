import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../certificates/self-signed.ts';
import type { Running } from '../devices/suite/device.ts';
import { nginx } from '../devices/suite/nginx.ts';
import { emptyDirectory, removeDirectory } from '../devices/suite/site.ts';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { curl } from '../system/curl.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/** nginx on two ports of a device: one leads everybody to the other, which speaks TLS. */

const directory = emptyDirectory();
const running: Running[] = [];
let plain: number;
let secure: number;

beforeAll(async () => {
  [plain, secure] = [await reservedPort(), await reservedPort()];
  const place = (name: string, port: number) => {
    mkdirSync(join(directory, name));
    return { port, directory: join(directory, name) };
  };
  const { cert, key } = selfSigned(directory, 'device');
  const leads = `return 301 https://$host:${secure}$request_uri;`;
  running.push(await nginx(place('plain', plain), '', [leads]));
  const files = [`ssl_certificate ${cert};`, `ssl_certificate_key ${key};`];
  running.push(await nginx(place('secure', secure), ' ssl', files));
});

afterAll(async () => {
  for (const server of running) await server.stop();
  removeDirectory(directory);
});

test('a redirect to TLS leads to the service that speaks it', async () => {
  const system = await RemoteSystem.start({
    services: [
      { port: plain, kind: 'http' },
      { port: secure, kind: 'https' },
    ],
  });
  let browser: Browser | null = null;
  try {
    const { output } = await curl(system, ['--include', `${system.url}/index.html`]);
    const leadsTo = `http://${deviceId}-${secure}.localhost:${system.port}/index.html`;
    expect(output.toString()).toContain(`\r\nLocation: ${leadsTo}\r\n`);
    browser = await startChromium();
    const page = await browser.newPage();
    await openLoggedIn(page, `http://localhost:${system.port}/`, system);
    await page.goto(`${system.url}/index.html`, { waitUntil: 'load' });
    expect([page.url(), await page.locator('h1').textContent()]).toEqual([leadsTo, 'Pump 7']);
  } finally {
    await browser?.close();
    await system.stop();
  }
});

test('a redirect to TLS that is not forwarded ends, and says what is missing', async () => {
  const system = await RemoteSystem.start({ services: [{ port: plain, kind: 'http' }] });
  try {
    const { status, output } = await curl(system, ['--location', '--max-redirs', '3', system.url]);
    expect([status, output.toString()]).toEqual([
      0,
      `The device leads to its page by https, on its port ${secure}, which is not forwarded\n`,
    ]);
  } finally {
    await system.stop();
  }
});
