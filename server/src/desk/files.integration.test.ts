import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChromium } from '../../../test/system/chromium.ts';
import { chooser, chosenFile, Files } from '../testing/files-tab.ts';
import { ports, TerminalStage } from '../testing/terminal-stage.ts';
import { Terminal } from '../testing/terminal-tab.ts';

/** Files of a device in Chromium: OpenSSH and Dropbear behind a real agent. */

/** Only something that hangs reaches it. */
const timeout = 120_000;
/** Long tests take minutes where the machine is busy with much else. */
const longTimeout = 600_000;
const fileBytes = 5_000_003;

let stage: TerminalStage;
let browser: Browser;
let context: BrowserContext;
/** Of the device, and of the computer before it. */
let device: string;
let computer: string;
beforeAll(async () => {
  stage = await TerminalStage.start();
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});

const begin = async (look: BrowserContextOptions = {}) => {
  await context?.close();
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1100, height: 700 }, ...look });
};
beforeEach(async () => {
  device = mkdtempSync(join(tmpdir(), 'rm-files-'));
  computer = mkdtempSync(join(tmpdir(), 'rm-files-'));
  await begin();
});
afterEach(async () => {
  await context?.close();
  for (const folder of [device, computer]) rmSync(folder, { recursive: true, force: true });
});

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each([
  ['OpenSSH', ports.openSsh],
  ['Dropbear', ports.dropbear],
] as const)('%s', (_, port) => {
  test(
    'a file up, replaced after a question, and down again into a file that is chosen',
    async () => {
      await context.addInitScript(chooser);
      const files = await Files.open(stage, context, port);
      await files.go(device);
      await files.says('This folder is empty.');
      const bytes = randomBytes(fileBytes);
      writeFileSync(join(computer, 'firmware.img'), bytes);
      await files.upload(join(computer, 'firmware.img'));
      await files.says(/^Done, 5 MB$/);
      expect(hashOf(readFileSync(join(device, 'firmware.img')))).toBe(hashOf(bytes));
      expect(readdirSync(device)).toEqual(['firmware.img']);
      await files.button('Download firmware.img').waitFor();

      writeFileSync(join(computer, 'firmware.img'), 'second');
      await files.upload(join(computer, 'firmware.img'));
      await files.says('The device has a file of this name already.');
      await files.button('Keep firmware.img').click();
      await files.says('Not uploaded. The file on the device stays as it is.');
      expect(readFileSync(join(device, 'firmware.img')).length).toBe(fileBytes);

      await files.button('Clear finished').click();
      await files.button('Download firmware.img').click();
      await files.says(/^Done, 5 MB$/);
      const { page } = files.terminal.tab;
      expect(await page.evaluate('chosen')).toEqual(['firmware.img']);
      expect(await page.evaluate(chosenFile('firmware.img'))).toEqual([fileBytes, hashOf(bytes)]);

      await files.upload(join(computer, 'firmware.img'));
      await files.button('Replace firmware.img').click();
      await files.says(/^Done, 6 bytes$/);
      expect(readFileSync(join(device, 'firmware.img'), 'utf8')).toBe('second');

      // The list has been read again after the upload.
      await files.panel.locator('tbody td', { hasText: /^6 bytes$/ }).waitFor();
      rmSync(join(device, 'firmware.img'));
      await files.button('Download firmware.img').click();
      await files.says('The device has no such file or folder.');
      await expect
        .poll(() => page.evaluate(chosenFile('firmware.img')).catch(String), { timeout })
        .toContain('NotFoundError');
      // The terminal beside it goes on.
      await files.terminal.type('echo still-$((6*7))\r');
      await files.terminal.shows(/still-42/);
      expect(files.terminal.tab.complaints).toEqual([]);
    },
    longTimeout,
  );
});

describe('the device goes away in the middle', () => {
  /** Far more than passes before somebody pulls the plug. */
  const bytes = 40_000_000_000;
  afterEach(async () => stage.agents.restart('pump'));

  const lost = async (files: Files) => {
    await files.panel.locator('[data-progress=running] progress').waitFor();
    await stage.agents.cut('pump');
    await files.terminal.says(/connection to the device was lost/);
    await files.panel.locator('[data-progress=over]').waitFor();
    // Nobody is logged in, so there is nothing that could be opened.
    await files.says('Log in on the device first.');
    expect(await files.button('Open files again').count()).toBe(0);
  };

  test('of an upload: what is there has another name, which the page says', async () => {
    const files = await Files.open(stage, context, ports.openSsh);
    await files.go(device);
    writeFileSync(join(computer, 'firmware.img'), '');
    truncateSync(join(computer, 'firmware.img'), bytes);
    await files.upload(join(computer, 'firmware.img'));
    await lost(files);
    await files.says('The upload has ended before its end. Delete what is left of it on the device');
    const left = readdirSync(device);
    expect(left).toEqual([expect.stringMatching(/^\.upload-.*\.part$/)]);
    await files.says(left[0] ?? '');
    expect(files.terminal.tab.complaints).toEqual([]);
  });

  test('of a download: nothing is saved', async () => {
    await context.addInitScript(chooser);
    writeFileSync(join(device, 'firmware.img'), '');
    truncateSync(join(device, 'firmware.img'), bytes);
    const files = await Files.open(stage, context, ports.openSsh);
    await files.go(device);
    await files.button('Download firmware.img').click();
    await lost(files);
    await files.says('The connection for files has ended.');
    const { page } = files.terminal.tab;
    await expect
      .poll(() => page.evaluate(chosenFile('firmware.img')).catch(String), { timeout })
      .toContain('NotFoundError');
    expect(files.terminal.tab.complaints).toEqual([]);
  });
});

test('blobBytes: a browser without that saves what fits, and says so of what does not', async () => {
  await context.addInitScript('delete window.showSaveFilePicker');
  writeFileSync(join(device, 'log'), 'one line');
  writeFileSync(join(device, 'image'), '');
  truncateSync(join(device, 'image'), 268_435_457);
  const files = await Files.open(stage, context, ports.openSsh);
  await files.go(device);
  const downloaded = files.terminal.tab.page.waitForEvent('download', { timeout });
  await files.button('Download log').click();
  const download = await downloaded;
  expect(download.suggestedFilename()).toBe('log');
  expect(readFileSync(await download.path(), 'utf8')).toBe('one line');
  await files.button('Download image').click();
  await files.says('This browser can save up to 268 MB. Use Chrome or Edge for larger files.');
});

test(
  'names, folders by keys, dropped files, errors, and a cancelled upload',
  async () => {
    mkdirSync(join(device, 'sub'));
    mkdirSync(join(device, 'tx\u202egol'));
    for (const name of ['b10', 'b9', 'a\u202egpj.exe', '<b>bold']) writeFileSync(join(device, name), name);
    const files = await Files.open(stage, context, ports.openSsh);
    await files.go(device);
    expect(await files.names()).toEqual([
      'sub',
      'tx\\u{202e}gol',
      '<b>bold',
      'a\\u{202e}gpj.exe',
      'b9',
      'b10',
    ]);
    await files.button('Open sub').focus();
    await files.terminal.tab.page.keyboard.press('Enter');
    await files.says('This folder is empty.');
    await expect.poll(() => files.focused(), { timeout }).toBe(`Files in ${device}/sub`);
    const dropped = await files.terminal.tab.frame.evaluateHandle(
      `(() => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped'], 'from a drop'));
      return data;
    })()`,
    );
    await files.panel.dispatchEvent('drop', { dataTransfer: dropped });
    await files.button('Download from a drop').waitFor();
    expect(readFileSync(join(device, 'sub', 'from a drop'), 'utf8')).toBe('dropped');
    const status = files.panel.locator('[data-progress=done]').getByRole('status');
    expect(await status.textContent()).toBe('from a drop: Done, 7 bytes');
    await files.button('Hide files').click();
    await expect.poll(() => files.focused(), { timeout }).toBe('Files');
    await files.terminal.button('Files').click();
    await files.button('Parent folder').click();
    await files.button('Open sub').waitFor();
    const field = files.panel.getByLabel('Folder on the device');
    await files.button('Open tx\\u{202e}gol').click();
    await expect.poll(() => field.inputValue(), { timeout }).toBe(`${device}/tx\\u{202e}gol`);
    // It leads where it has come from, also as it is shown.
    writeFileSync(join(device, 'tx\u202egol', 'new'), '');
    await field.press('Enter');
    await files.button('Download new').waitFor();
    await field.fill(`${device}/missing`);
    await field.press('Enter');
    await files.says('The device has no such file or folder.');

    writeFileSync(join(computer, 'large'), '');
    truncateSync(join(computer, 'large'), 40_000_000_000);
    await files.upload(join(computer, 'large'));
    await files.panel.locator('[data-progress=running] progress').waitFor();
    await files.button('Cancel large').click();
    await files.says('Cancelled. Nothing was kept.');
    expect(existsSync(join(device, 'large'))).toBe(false);
    expect(readdirSync(device).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect(files.terminal.tab.complaints).toEqual([]);

    await files.terminal.type('exit\r');
    await files.terminal.is('over');
    await files.says('The connection for files has ended.');
  },
  longTimeout,
);

test.each<[string, BrowserContextOptions, string, string]>([
  ['light', { colorScheme: 'light' }, 'Files', 'Folder on the device'],
  ['dark', { colorScheme: 'dark' }, 'Files', 'Folder on the device'],
  [
    'German, on a small screen',
    { locale: 'de-DE', viewport: { width: 360, height: 740 } },
    'Dateien',
    'Ordner auf dem Gerät',
  ],
])('%s: nothing that axe finds, nothing that the policy stops', async (called, look, name, path) => {
  await begin(look);
  await stage.forgetKey(ports.openSsh);
  writeFileSync(join(device, 'x'.repeat(200)), 'long');
  writeFileSync(join(computer, 'y'.repeat(100)), 'long');
  const terminal = await Terminal.open(stage, context, ports.openSsh);
  const { frame } = terminal.tab;
  await frame.locator('.over .main').click();
  await terminal.is('logIn');
  await frame.locator('.over .actions .button').nth(1).click();
  appendFileSync(stage.openSsh.authorizedKeys, `${await frame.locator('.key code').innerText()}\n`);
  await frame.locator('input[name=ssh-user]').fill(stage.openSsh.user);
  await frame.locator('.over .actions .button').nth(1).click();
  await terminal.is('running');
  await terminal.button(name).click();
  const field = frame.getByLabel(path);
  await field.fill(device);
  await field.press('Enter');
  await frame.getByText('x'.repeat(200)).waitFor();
  await frame.locator('input[type=file]').setInputFiles(join(computer, 'y'.repeat(100)));
  await frame.locator('[data-progress=done]').waitFor();
  await terminal.tab.picture(`files.${called}`);
  expect(await terminal.tab.findings()).toEqual([]);
  const wide = await frame.evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(wide, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
  expect(terminal.tab.complaints).toEqual([]);
});
