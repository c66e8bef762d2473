import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startChromium } from '../../../test/system/chromium.ts';
import { DeskTab } from '../testing/desk-tab.ts';
import { ports, TerminalStage } from '../testing/terminal-stage.ts';
import { Terminal } from '../testing/terminal-tab.ts';

/** A terminal of OpenSSH that is recorded, and its replay, in Chromium. */

/** Only something that hangs reaches it. */
const timeout = 120_000;

let stage: TerminalStage;
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  stage = await TerminalStage.start({ own: { recording: { terminals: 'always' } } });
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1000, height: 600 } });
});
afterEach(() => context?.close());

test('a terminal says that it is recorded, before and during, and is played in the dashboard', async () => {
  const terminal = await Terminal.open(stage, context, ports.openSsh);
  await terminal.says(/are recorded/);
  expect(await terminal.tab.frame.getByLabel('Password').count()).toBe(0);
  expect(await terminal.tab.findings()).toEqual([]);
  await terminal.button('Start a recorded terminal').click();
  await terminal.trust();
  await terminal.logInByKey(stage.openSsh);
  await terminal.tab.frame
    .locator('.told')
    .getByText(/This terminal is recorded/)
    .waitFor();
  // What a hostile device would have copied, and linked, is in the recording, too.
  await terminal.type(
    "printf '\\033]52;c;aGk=\\007\\033]8;;http://example.com\\007link\\033]8;;\\007\\n'; echo käse-$((40+2))\r",
  );
  await terminal.shows(/käse-42/);
  await terminal.type('exit\r');
  await terminal.says(/has ended/);
  expect(terminal.tab.complaints).toEqual([]);
  const list = terminal.tab.page;
  await list.goto(`${stage.base}/dashboard/recordings`);
  const path = await list.locator('a', { hasText: 'Play' }).getAttribute('href', { timeout });
  const other = await browser.newContext({ locale: 'en-GB' });
  const replay = await DeskTab.open(other, stage.base, String(path).replace('/dashboard/', ''), 'alice');
  await replay.button('Play').waitFor();
  expect(await replay.findings()).toEqual([]);
  const shown = () => replay.frame.locator('.xterm-rows').innerText();
  expect(await shown()).not.toContain('käse-42');
  const seek = replay.frame.getByLabel('Position');
  const [max, step] = await Promise.all([seek.getAttribute('max'), seek.getAttribute('step')]);
  expect(Number(max) % Number(step), 'the last step is the end').toBe(0);
  await seek.focus();
  await replay.page.keyboard.press('End');
  await expect.poll(shown, { timeout }).toContain('käse-42');
  await replay.page.keyboard.press('Home');
  await expect.poll(shown, { timeout }).not.toContain('käse-42');
  await replay.frame.getByLabel('Speed').selectOption('8');
  await replay.button('Play').click();
  await expect.poll(shown, { timeout }).toContain('käse-42');
  expect(replay.complaints).toEqual([]);
  await other.close();
});
