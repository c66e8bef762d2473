import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { DemoDevice } from '../system/demo-device.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** Debian's Chromium uses the demo device through the tunnel, as a person would. */

const mebibyte = 1 << 20;

let device: DemoDevice;
let system: RemoteSystem;
let browser: Browser;
let page: Page;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-browser-'));
  device = await DemoDevice.start();
  system = await RemoteSystem.start({ services: [{ port: device.port, kind: 'http' }] });
  browser = await startChromium();
  const context = await browser.newContext({ acceptDownloads: true });
  page = await context.newPage();
  await openLoggedIn(page, `${system.url}/`, system);
});

afterAll(async () => {
  await browser?.close();
  await system?.stop();
  await device?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path, { highWaterMark: mebibyte })) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

const digest = /^[0-9a-f]{64}$/;

describe('in Chromium the device', () => {
  test('shows a live value that moves', async () => {
    const seen = new Set<string>();
    while (seen.size < 3) {
      const present = (await page.locator('#live').textContent()) ?? '';
      seen.add(present);
      await page.waitForFunction(
        (before) => document.querySelector('#live')?.textContent !== before,
        present,
      );
    }
    expect([...seen].filter((text) => Number.isFinite(Number.parseFloat(text))).length).toBeGreaterThan(1);
  });

  test('takes 64 MiB, unchanged', async () => {
    const file = join(directory, 'upload.bin');
    const bytes = randomFillSync(Buffer.alloc(64 * mebibyte));
    writeFileSync(file, bytes);
    await page.locator('#upload-file').setInputFiles(file);
    await page.locator('#upload-button').click();
    const shown = page.locator('#upload-sha256');
    await shown.filter({ hasText: digest }).waitFor({ timeout: 300_000 });
    expect(await shown.textContent()).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('gives 256 MiB, unchanged', async () => {
    const shown = page.locator('#download-sha256');
    await shown.filter({ hasText: digest }).waitFor({ timeout: 300_000 });
    const [download] = await Promise.all([
      page.waitForEvent('download', { timeout: 300_000 }),
      page.locator('#download-link').click(),
    ]);
    const file = join(directory, 'download.bin');
    await download.saveAs(file);
    expect(await sha256(file)).toBe(await shown.textContent());
    await download.delete();
  });
});
