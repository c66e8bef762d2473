import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startChromium } from '../../../test/system/chromium.ts';
import { devicePassword, isRoot, ports, TerminalStage } from '../testing/terminal-stage.ts';
import { floodTimeout, Terminal } from '../testing/terminal-tab.ts';

/** SSH that ends at the server, in a Chromium that lacks what the device needs. */

/** Makes a browser one of those that cannot make keys for this algorithm. */
const without = (algorithm: 'Ed25519' | 'X25519') => `{
  const { generateKey } = SubtleCrypto.prototype;
  SubtleCrypto.prototype.generateKey = function (given, ...rest) {
    if ((given.name ?? given) === '${algorithm}') return Promise.reject(new DOMException('', 'NotSupportedError'));
    return generateKey.call(this, given, ...rest);
  };
}`;

let stage: TerminalStage;
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  const exchanges = 'KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org';
  stage = await TerminalStage.start({ own: { terminal: { sshAtServer: 'allowed' } } }, [exchanges]);
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

/** A terminal whose browser cannot speak with the device, once its user has agreed. */
async function throughServer(port: number, algorithm: 'Ed25519' | 'X25519'): Promise<Terminal> {
  await context.addInitScript(without(algorithm));
  const terminal = await Terminal.open(stage, context, port);
  await terminal.says(/can read everything that you type, your password too/);
  expect(await terminal.tab.frame.getByLabel('Password').count()).toBe(0);
  await terminal.button('Connect through the server').click();
  return terminal;
}

test('OpenSSH with the key of the browser: the page says where SSH ends, resizes, and has no files', async () => {
  const port = ports.openSsh;
  await stage.forgetKey(port);
  const terminal = await throughServer(port, 'X25519');
  await terminal.says(/for the first time/);
  await terminal.trust();
  expect(await stage.knownKey(port)).toMatch(/^ssh-ed25519 /);
  await terminal.says(/SSH ends at the server/);
  await terminal.logInByKey(stage.openSsh);
  const { frame, page } = terminal.tab;
  await frame
    .locator('.told')
    .getByText(/SSH ends at the server/)
    .waitFor();
  expect(await terminal.tab.findings()).toEqual([]);
  await terminal.type('echo "käse 漢字 $((40+2))"\r');
  await terminal.shows(/käse 漢字 42/);
  const before = await terminal.columns();
  await page.setViewportSize({ width: 700, height: 400 });
  await expect.poll(() => terminal.columns()).toBeLessThan(before);
  await terminal.button('Files').click();
  await frame.getByText(/no files here where SSH ends at the server/).waitFor();
  await terminal.type('exit 3\r');
  await terminal.says(/ended with status 3/);
  expect(terminal.tab.complaints).toEqual([]);
  const [made] = stage.server.records.filter(
    ({ detail }) => detail === `port ${port}, SSH ends at the server`,
  );
  expect(made).toMatchObject({ event: 'createTicket', user: 'alice', device: 'pump' });
});

test.skipIf(!isRoot)(
  'Dropbear with a password: a wrong one, a flood without freezing, and a device that goes away',
  async () => {
    const port = ports.dropbear;
    await stage.forgetKey(port);
    const terminal = await throughServer(port, 'Ed25519');
    await terminal.trust();
    const { user } = stage.serverAt(port);
    await terminal.logIn(user, 'wrong');
    await terminal.says(/does not take this/);
    await terminal.logIn(user, devicePassword);
    await terminal.is('running');
    await terminal.flood('', '5M');
    await stage.agents.cut('pump');
    await terminal.says(/connection to the device was lost/);
    await stage.agents.restart('pump');
    await terminal.button('Connect again').click();
    await terminal.says(/can read everything that you type/);
    expect(terminal.tab.complaints).toEqual([]);
  },
  2 * floodTimeout,
);

test('a key that has changed is loud there, too, and nothing goes on before somebody has agreed', async () => {
  const port = ports.openSsh;
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';
  await stage.forgetKey(port);
  expect((await stage.alice.put(`/devices/pump/host-keys/${port}`, { key: other })).status).toBe(200);
  const terminal = await throughServer(port, 'Ed25519');
  await terminal.tab.frame.getByRole('alert').getByText('has changed').waitFor();
  expect(await terminal.tab.frame.getByLabel('Password').count()).toBe(0);
  expect(await terminal.button('Replace the known key').isDisabled()).toBe(true);
  await terminal.button('Do not connect').click();
  await terminal.says(/have not trusted/);
  await stage.forgetKey(port);
});
