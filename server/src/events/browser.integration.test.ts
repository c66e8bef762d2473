import { spawn } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { addDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';

// Readers that others have written: a browser's EventSource and WebSocket, and curl.

const north = '00000000-0000-0000-0000-00000000000a';
const alice = { user: 'alice', password: 'a long enough secret' };
let server: TestServer;
let base: string;
beforeAll(async () => {
  server = await TestServer.start({ limits: { eventsBatchMs: 10, eventsPollMs: 20 } });
  base = `http://localhost:${server.reflector.port}`;
});
afterAll(() => server.close());

describe('Chromium', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await startChromium();
    // The pages of the reflector connect to nothing; a dashboard may.
    const context = await browser.newContext({ bypassCSP: true });
    page = await context.newPage();
    await openLoggedIn(page, `${base}/`, alice);
  });
  afterAll(() => browser.close());

  test.each(['EventSource', 'WebSocket'] as const)('%s', async (kind) => {
    await page.evaluate(
      ([of, port]) => {
        const seen: string[] = [];
        const address = '/my-devices/api/events?kind=device.added';
        const reader =
          of === 'EventSource' ? new EventSource(address) : new WebSocket(`ws://localhost:${port}${address}`);
        reader.onmessage = ({ data }: { data: string }) => {
          const { kind: what, device = '' } = JSON.parse(data) as { kind: string; device?: string };
          seen.push(`${what} ${device}`);
        };
        Object.assign(globalThis, { seen });
      },
      [kind, server.reflector.port] as const,
    );
    const seen = () => page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
    await expect.poll(seen, { timeout: 60_000 }).toEqual(['ready ']);
    await addDevice(server, `of-${kind.toLowerCase()}`, north);
    await expect.poll(seen, { timeout: 60_000 }).toEqual(['ready ', `device.added of-${kind.toLowerCase()}`]);
  });

  test.each(['EventSource', 'WebSocket'] as const)('%s of a page of a device gets nothing', async (kind) => {
    const device = `http://dev1.localhost:${server.reflector.port}/`;
    await page.route(device, (route) => route.fulfill({ contentType: 'text/html', body: 'a device' }));
    await page.goto(device);
    const outcome = await page.evaluate(
      ([of, port]) =>
        new Promise<string>((resolve) => {
          const address = `//localhost:${port}/my-devices/api/events`;
          const reader =
            of === 'EventSource'
              ? new EventSource(`http:${address}`, { withCredentials: true })
              : new WebSocket(`ws:${address}`);
          reader.onmessage = () => resolve('a message');
          reader.onerror = () => resolve('an error');
        }),
      [kind, server.reflector.port] as const,
    );
    expect(outcome).toBe('an error');
  });
});

test('curl', async () => {
  const address = `${base}/my-devices/api/events?kind=device.added`;
  const curl = spawn('curl', ['-sN', '-u', `${alice.user}:${alice.password}`, address]);
  let text = '';
  curl.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  await expect.poll(() => text, { timeout: 60_000 }).toContain('"kind":"ready"');
  await addDevice(server, 'of-curl', north);
  await expect
    .poll(() => text, { timeout: 60_000 })
    .toMatch(/^id: (\S+)\ndata: \{"cursor":"\1","kind":"device.added".*"of-curl"/m);
  curl.kill();
});
