import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../../test/system/chromium.ts';
import { devicePassword, isRoot, ports, TerminalStage } from '../testing/terminal-stage.ts';
import { floodTimeout, Terminal } from '../testing/terminal-tab.ts';

/** 50 MB of output in Chromium, which `terminal.integration.test.ts` has with 5 MB. */

let stage: TerminalStage;
let browser: Browser;
beforeAll(async () => {
  stage = await TerminalStage.start();
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});

test.skipIf(!isRoot).each([
  // Once with the shortest lines, which cost a terminal most.
  ['OpenSSH', ports.openSsh, 'y'],
  ['Dropbear', ports.dropbear, 'x'.repeat(78)],
] as const)(
  '%s: a flood without freezing',
  async (_, port, line) => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1000, height: 600 } });
    const terminal = await Terminal.open(stage, context, port);
    await terminal.trust();
    await terminal.logIn(stage.serverAt(port).user, devicePassword);
    await terminal.is('running');
    await terminal.flood(line, '50M');
    expect(terminal.tab.complaints).toEqual([]);
    await context.close();
  },
  2 * floodTimeout,
);
