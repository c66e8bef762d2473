import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../../test/system/chromium.ts';
import { chooser, chosenFile, Files } from '../testing/files-tab.ts';
import { ports, TerminalStage } from '../testing/terminal-stage.ts';

/** Much by SFTP in Chromium: two minutes each on a busy machine. */
const timeout = 1_800_000;
const fileBytes = 100_000_000;

let stage: TerminalStage;
let browser: Browser;
let folder: string;
beforeAll(async () => {
  // Keys are exchanged in the midst of a transfer, too.
  stage = await TerminalStage.start({}, ['RekeyLimit 16M']);
  browser = await startChromium();
  folder = mkdtempSync(join(tmpdir(), 'rm-files-'));
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ['OpenSSH', ports.openSsh],
  ['Dropbear', ports.dropbear],
])(
  '%s: 100 MB up and down with equal hashes',
  async (name, port) => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1100, height: 700 } });
    await context.addInitScript(chooser);
    const device = mkdtempSync(join(folder, 'device-'));
    const local = join(folder, `${name}.img`);
    const bytes = randomBytes(fileBytes);
    const hash = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(local, bytes);
    const files = await Files.open(stage, context, port);
    await files.go(device);
    await files.upload(local);
    await files.says(/^Done, 100 MB$/, timeout);
    expect(readdirSync(device)).toEqual([`${name}.img`]);
    const stored = createHash('sha256').update(readFileSync(join(device, `${name}.img`)));
    expect(stored.digest('hex')).toBe(hash);
    await files.button('Clear finished').click();
    await files.button(`Download ${name}.img`).click();
    await files.says(/^Done, 100 MB$/, timeout);
    const { page, complaints } = files.terminal.tab;
    expect(await page.evaluate(chosenFile(`${name}.img`))).toEqual([fileBytes, hash]);
    expect(complaints).toEqual([]);
    await context.close();
  },
  timeout,
);
