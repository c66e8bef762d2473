import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openProfile, startChromium } from '../../../test/system/chromium.ts';
import { devicePassword, isRoot, ports, TerminalStage } from '../testing/terminal-stage.ts';
import { floodTimeout, Terminal } from '../testing/terminal-tab.ts';

/** Terminals in Chromium: OpenSSH and Dropbear behind a real agent. */

/** Only something that hangs reaches it. */
const timeout = 120_000;
let stage: TerminalStage;
let browser: Browser;
let context: BrowserContext;
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
  context = await browser.newContext({
    locale: 'en-GB',
    viewport: { width: 1000, height: 600 },
    permissions: ['clipboard-read', 'clipboard-write'],
    ...look,
  });
};
beforeEach(() => begin());
afterEach(() => context?.close());

const openTerminal = (port: number, user?: string) => Terminal.open(stage, context, port, user);
const runningTerminal = (port: number) => Terminal.running(stage, context, port);

describe.each([
  // Once with the shortest lines, which cost a terminal most.
  ['OpenSSH', ports.openSsh, 'y'],
  ['Dropbear', ports.dropbear, 'x'.repeat(78)],
] as const)('%s', (_, port, flood) => {
  beforeEach(() => stage.forgetKey(port));

  test('first use, a wrong password, log-in with the key of the browser, characters, size', async () => {
    const terminal = await openTerminal(port);
    await terminal.says(/for the first time/);
    expect(await terminal.tab.frame.getByLabel('Password').count()).toBe(0);
    await terminal.trust();
    expect(await stage.knownKey(port)).toMatch(/^ssh-ed25519 /);
    if (isRoot) {
      await terminal.logIn(stage.serverAt(port).user, 'wrong');
      await terminal.says(/does not take this/);
    }
    const line = await terminal.logInByKey(stage.serverAt(port));
    expect(line).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68} alice@browser$/);
    await terminal.type('echo "käse 漢字 $((40+2))"\r');
    await terminal.shows(/käse 漢字 42/);
    const before = await terminal.columns();
    await terminal.tab.page.setViewportSize({ width: 700, height: 400 });
    await expect.poll(() => terminal.columns(), { timeout }).toBeLessThan(before);
    expect(terminal.tab.complaints).toEqual([]);
  });

  test.skipIf(!isRoot)(
    'a password, a flood without freezing, and the end of the shell',
    async () => {
      const terminal = await openTerminal(port);
      await terminal.trust();
      await terminal.logIn(stage.serverAt(port).user, devicePassword);
      await terminal.is('running');
      await terminal.flood(flood, '5M');
      await terminal.type('exit 3\r');
      await terminal.says(/ended with status 3/);
      await terminal.button('Connect again').click();
      await terminal.is('logIn');
      expect(terminal.tab.complaints).toEqual([]);
    },
    2 * floodTimeout,
  );
});

test('a key that has changed is loud, and nothing goes on before somebody has agreed', async () => {
  const port = ports.openSsh;
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';
  await stage.forgetKey(port);
  expect((await stage.alice.put(`/devices/pump/host-keys/${port}`, { key: other })).status).toBe(200);
  const terminal = await openTerminal(port);
  const { frame } = terminal.tab;
  await frame.getByRole('alert').getByText('has changed').waitFor();
  expect(await frame.getByLabel('Password').count()).toBe(0);
  const replace = terminal.button('Replace the known key');
  expect(await replace.isDisabled()).toBe(true);
  await terminal.button('Do not connect').click();
  await terminal.says(/have not trusted/);
  expect(await stage.knownKey(port)).toBe(other);
  await terminal.button('Connect again').click();
  await frame.getByRole('checkbox').check();
  await replace.click();
  await terminal.is('logIn');
  expect(await stage.knownKey(port)).not.toBe(other);
  await context.close();

  // Who may open the port and no more cannot replace it for everybody.
  await stage.forgetKey(port);
  expect((await stage.alice.put(`/devices/pump/host-keys/${port}`, { key: other })).status).toBe(200);
  const grant = { user: 'bob', role: 'user', device: 'pump', ports: [port] };
  expect((await stage.alice.post('/grants', grant)).status).toBe(201);
  await begin();
  const bob = await openTerminal(port, 'bob');
  await bob.tab.frame.getByRole('checkbox').check();
  await bob.button('Replace the known key').click();
  await bob.says(/may not replace the known key/);
  expect(await stage.knownKey(port)).toBe(other);
  await context.close();
  await begin();
  const shut = await openTerminal(ports.dropbear, 'bob');
  await shut.says(/You may not open this port/);
  await stage.forgetKey(port);
});

test('nothing listens, and what listens is no SSH server', async () => {
  const nothing = await openTerminal(ports.nothing);
  await nothing.says(/Nothing answers on port 24 of the device/);
  await begin();
  const ftp = await openTerminal(ports.notSsh);
  await ftp.says(/does not speak SSH/);
});

test('a cursor that stands still costs no frames, and blinks where a program asks for it', async () => {
  await stage.forgetKey(ports.openSsh);
  const terminal = await runningTerminal(ports.openSsh);
  const blinking = () =>
    terminal.tab.frame.evaluate(
      "document.getAnimations().filter(({ effect }) => effect.target.closest('.xterm-rows')).length",
    );
  await terminal.type("printf '\\33[1 qblink-%s' $((1+1))\r");
  await terminal.shows(/blink-2/);
  await expect.poll(blinking, { timeout }).toBe(1);
  await terminal.type("printf '\\33[0 qstill-%s' $((1+1))\r");
  await terminal.shows(/still-2/);
  await expect.poll(blinking, { timeout }).toBe(0);
});

test('scroll-back, search, links, and the clipboard', async () => {
  await stage.forgetKey(ports.openSsh);
  const terminal = await runningTerminal(ports.openSsh);
  const { page, frame } = terminal.tab;
  await terminal.type(
    'clear; seq 20000 | sed "s/^/line /"; echo https://example.com/manual; echo done-$((1+1))\r',
  );
  await terminal.shows(/done-2/);
  await terminal.button('Search').click();
  const field = frame.getByRole('searchbox');
  // scrollBackLines: what is further up is gone.
  await field.fill('line 9000 ');
  await frame.getByText('Not found').waitFor();
  await field.fill('line 12345');
  await terminal.shows(/line 12345/);
  await terminal.button('Search').click();
  // The prompt that follows moves what is above it: then all stays where it is.
  await terminal.type('echo below-$((1+1))\r');
  await terminal.shows(/below-2\s+\S/);
  const opened = context.waitForEvent('page', { timeout });
  await context.route('https://example.com/**', (route) => route.fulfill({ body: 'manual' }));
  const link = frame.locator('.xterm-rows > div', { hasText: /^https:\/\/example\.com\/manual/ }).last();
  const box = await link.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 60, (box?.y ?? 0) + 5);
  await page.mouse.move((box?.x ?? 0) + 62, (box?.y ?? 0) + 6);
  // The terminal looks for links once the mouse has moved; before it has found one, a click is a click.
  await frame.locator('.xterm-cursor-pointer').waitFor({ timeout });
  await page.mouse.click((box?.x ?? 0) + 62, (box?.y ?? 0) + 6);
  const manual = await opened;
  await manual.waitForURL('https://example.com/manual');
  expect(await manual.evaluate('opener')).toBeNull();
  await manual.close();
  // repetitions: what asks for more gets none.
  await terminal.type("clear; printf 'repeated\\033[10001b-\\n'\r");
  await terminal.shows(/repeated-/);
  await terminal.type('clear; echo copied-$((3*7))\r');
  await terminal.shows(/copied-21/);
  const row = await frame
    .locator('.xterm-rows > div', { hasText: /^copied-21/ })
    .last()
    .boundingBox();
  await page.mouse.dblclick((row?.x ?? 0) + 10, (row?.y ?? 0) + 6);
  await page.keyboard.press('Control+Shift+C');
  await expect.poll(() => frame.evaluate('navigator.clipboard.readText()'), { timeout }).toContain('copied');
  await frame.evaluate('navigator.clipboard.writeText("echo pasted-$((6*7))")');
  await frame.locator('.panel:not([hidden]) .xterm-helper-textarea').focus();
  await page.keyboard.press('Control+Shift+V');
  await terminal.type('\r');
  await terminal.shows(/pasted-42/);
  expect(terminal.tab.complaints).toEqual([]);
});

test('tabs, a device that goes away, and a log-out in another tab of the browser', async () => {
  await stage.forgetKey(ports.openSsh);
  const terminal = await runningTerminal(ports.openSsh);
  const { frame } = terminal.tab;
  await terminal.type('echo first-$((1+1))\r');
  await terminal.shows(/first-2/);
  await terminal.button('New terminal').click();
  await terminal.is('logIn');
  await terminal.button('Log in with the key of this browser').click();
  await terminal.is('running');
  await terminal.type('echo second-$((1+1))\r');
  await terminal.shows(/second-2/);
  await frame.locator('.tab .name').first().click();
  await terminal.shows(/first-2/);
  // A program that uses the whole screen does not get to leave it.
  await terminal.type("printf '\\033[?1049h'; echo whole-$((1+1))\r");
  await terminal.shows(/whole-2/);
  await stage.agents.cut('pump');
  await terminal.says(/connection to the device was lost/);
  await terminal.button('Connect again').click();
  await terminal.says(/off line/);
  await stage.agents.restart('pump');
  await terminal.button('Connect again').click();
  await terminal.is('logIn');
  await terminal.button('Log in with the key of this browser').click();
  await terminal.is('running');
  // What was there is still to be read.
  await terminal.shows(/first-2/);
  for (let made = await frame.locator('.tab .name').count(); made < 12; made++) {
    await terminal.button('New terminal').click();
  }
  // tabs: no more are opened.
  expect(await terminal.button('New terminal').isDisabled()).toBe(true);
  const another = await context.newPage();
  await another.goto(`${stage.base}/dashboard/account`);
  await another.getByRole('main').getByRole('button', { name: 'Log out' }).click();
  await another.waitForURL(/log-in/);
  await terminal.tab.page.getByText('You are logged out').waitFor();
  expect(await terminal.tab.page.locator('iframe').count()).toBe(0);
});

test('a key that the browser keeps cannot be read, is there the next time, and is of one user', async () => {
  await stage.forgetKey(ports.openSsh);
  await context.close();
  context = await openProfile(join(stage.server.folder, 'profile'));
  const first = await runningTerminal(ports.openSsh);
  const extractable = await first.tab.frame.evaluate(
    `(async () => {
      const opening = indexedDB.open('keys', 1);
      await new Promise((resolve, reject) => { opening.onsuccess = resolve; opening.onerror = () => reject(opening.error); });
      const all = opening.result.transaction('keys').objectStore('keys').getAll();
      await new Promise((resolve) => { all.onsuccess = resolve; });
      return all.result.map(({ privateKey }) => privateKey.extractable);
    })()`,
  );
  expect(extractable).toEqual([false]);
  await context.close();
  context = await openProfile(join(stage.server.folder, 'profile'));
  await context.clearCookies();
  const again = await openTerminal(ports.openSsh);
  await again.is('logIn');
  await again.tab.frame.getByLabel('User on the device').fill(stage.openSsh.user);
  await again.button('Log in with the key of this browser').click();
  await again.is('running');
  expect((await stage.alice.post('/grants', { user: 'bob', role: 'user', device: 'pump' })).status).toBe(201);
  await context.clearCookies();
  const bob = await openTerminal(ports.openSsh, 'bob');
  await bob.is('logIn');
  expect(await bob.button('Make a key for this browser').count()).toBe(1);
});

test('screen readers find the lines where somebody wants that, and it is remembered', async () => {
  await stage.forgetKey(ports.openSsh);
  const terminal = await runningTerminal(ports.openSsh);
  const { page, frame } = terminal.tab;
  const lines = frame.locator('.panel:not([hidden]) .xterm-accessibility-tree');
  const button = terminal.button('Screen reader');
  expect([await button.getAttribute('aria-pressed'), await lines.count()]).toEqual(['false', 0]);
  const remembered = page.waitForResponse((response) => response.request().method() === 'PUT', { timeout });
  await button.click();
  expect((await remembered).status()).toBe(200);
  await terminal.type('echo heard-$((1+1))\r');
  await expect.poll(() => lines.innerText(), { timeout }).toContain('heard-2');
  const input = frame.locator('.xterm-helper-textarea');
  expect(await input.getAttribute('aria-label')).toBe('Terminal input');
  expect(await terminal.tab.findings()).toEqual([]);
  await page.reload();
  const again = page.frameLocator('iframe.desk');
  await again.locator('.xterm-accessibility-tree').waitFor({ state: 'attached' });
  const pressed = again.getByRole('button', { name: 'Screen reader', exact: true });
  expect(await pressed.getAttribute('aria-pressed')).toBe('true');
  await pressed.click();
  await again.locator('.xterm-accessibility-tree').waitFor({ state: 'detached' });
  expect(terminal.tab.complaints).toEqual([]);
});

test.each<[string, BrowserContextOptions]>([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['German, on a small screen', { locale: 'de-DE', viewport: { width: 360, height: 740 } }],
])('%s: nothing that axe finds, nothing that the policy stops', async (name, look) => {
  await stage.forgetKey(ports.openSsh);
  await begin(look);
  const terminal = await openTerminal(ports.openSsh);
  const { frame } = terminal.tab;
  const found: string[] = [];
  await terminal.is('hostKey');
  await terminal.tab.picture(`host-key.${name}`);
  found.push(...(await terminal.tab.findings()));
  await frame.locator('.over .main').click();
  await terminal.is('logIn');
  found.push(...(await terminal.tab.findings()));
  await frame.locator('.over .actions .button').nth(1).click();
  await frame.locator('.key code').waitFor();
  await terminal.tab.picture(`terminal-log-in.${name}`);
  const cut = await frame.evaluate(`(() => {
    const over = document.querySelector('.over');
    return over.scrollWidth - over.clientWidth;
  })()`);
  expect(cut, 'nothing in the card is wider than it').toBeLessThanOrEqual(0);
  found.push(...(await terminal.tab.findings()));
  appendFileSync(stage.openSsh.authorizedKeys, `${await frame.locator('.key code').innerText()}\n`);
  await frame.locator('input[name=ssh-user]').fill(stage.openSsh.user);
  await frame.locator('.over .actions .button').nth(1).click();
  await terminal.is('running');
  await frame.locator('.bar .end').click();
  await terminal.type(
    'printf "\\033[31mred \\033[92mgreen \\033[1;44mblue\\033[0;7mturned\\033[0m plain-$((1+1))\\n"\r',
  );
  await terminal.shows(/plain-2/);
  const turned = await frame.evaluate(`(() => {
    const colorsOf = (selector) => getComputedStyle(document.querySelector(selector));
    return [colorsOf('.xterm-rows .xterm-bg-257').color, colorsOf('.screen').backgroundColor];
  })()`);
  const [text, ground] = turned as [string, string];
  expect(text, 'reversed text has the colour of the ground').toBe(ground);
  await terminal.tab.picture(`terminal.${name}`);
  found.push(...(await terminal.tab.findings()));
  const wide = await frame.evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(wide, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
  await terminal.type('exit\r');
  await terminal.is('over');
  found.push(...(await terminal.tab.findings()));
  expect(found).toEqual([]);
  expect(terminal.tab.complaints).toEqual([]);
});
