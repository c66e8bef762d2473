import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLoggedIn, startChromium } from '../../../test/system/chromium.ts';
import { DashboardStage } from '../testing/dashboard-stage.ts';

/** Domains, webhooks, grants and tags in the dashboard, in Chromium. */

const password = 'a long enough secret';
/** Only something that hangs reaches it. */
const timeout = 120_000;

let stage: DashboardStage;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let receiver: Server;
/** Bodies that were posted to {@link hook}. */
const posted: string[] = [];
let hook: string;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      posted.push(body);
      response.end('thank you');
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/fleet`;
  stage = await DashboardStage.start({ own: { webhooks: { allow: ['127.0.0.1'] } } });
  await stage.fill(8, 0);
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
  receiver?.closeAllConnections();
  receiver?.close();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  page.setDefaultTimeout(timeout);
});
afterEach(() => context.close());

const logIn = (path: string, user = 'alice') =>
  openLoggedIn(page, `${stage.base}${path}`, { user, password });
const dialog = () => page.getByRole('dialog');
const button = (name: string) => page.getByRole('button', { name, exact: true });
const row = (text: string) => page.locator('main tbody tr').filter({ hasText: text });
const closed = () => dialog().waitFor({ state: 'detached' });

describe('domains', () => {
  test('are added with quotas, changed and removed; what is used of a quota is shown', async () => {
    await logIn('/dashboard/domains');
    await button('Add domain').click();
    await dialog().getByLabel('ID').fill('plant-b');
    await dialog().getByLabel('Devices', { exact: true }).fill('many');
    await dialog().getByRole('button', { name: 'Add domain' }).click();
    await dialog().getByLabel('Devices', { exact: true }).and(page.locator('[aria-invalid=true]')).waitFor();
    await dialog().getByLabel('Devices', { exact: true }).fill('1');
    await dialog().getByLabel('Payload per month in GB').fill('2.5');
    await dialog().getByRole('button', { name: 'Add domain' }).click();
    await closed();
    await row('plant-b').getByText('0 of 1', { exact: true }).waitFor();
    expect((await stage.alice.get('/domains/plant-b')).body).toMatchObject({
      quotas: { devices: 1, connections: null, bytesPerMonth: 2_500_000_000 },
    });
    await stage.made('/devices', { id: 'press-1', domain: 'plant-b' });
    await page.reload();
    await row('plant-b').getByText('used up').waitFor();
    await row('plant-b').locator('summary').click();
    await row('plant-b').getByRole('button', { name: 'Edit' }).click();
    await dialog().getByLabel('Name').fill('Plant B');
    await dialog().getByLabel('Devices', { exact: true }).fill('');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await closed();
    await row('Plant B').waitFor();
    expect((await stage.alice.get('/domains/plant-b')).body).toMatchObject({
      name: 'Plant B',
      quotas: { devices: null, bytesPerMonth: 2_500_000_000 },
    });
    const remove = async () => {
      await row('Plant B').locator('summary').click();
      await row('Plant B').getByRole('button', { name: 'Remove' }).click();
      await dialog().getByRole('button', { name: 'Remove' }).click();
    };
    await remove();
    await dialog().getByText('has devices (1)').waitFor();
    await stage.alice.delete('/devices/press-1', { 'if-match': '*' });
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await closed();
    await row('Plant B').waitFor({ state: 'detached' });
  });

  test('two people at once: the second one is told, and loses nothing', async () => {
    await stage.made('/domains', { id: 'shared' });
    await logIn('/dashboard/domains');
    await row('shared').locator('summary').click();
    await row('shared').getByRole('button', { name: 'Edit' }).click();
    await dialog().getByLabel('Name').fill('Mine');
    await stage.alice.patch('/domains/shared', { name: 'Theirs' }, { 'if-match': '*' });
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().getByText('Somebody else has changed it').waitFor();
    expect((await stage.alice.get('/domains/shared')).body).toMatchObject({ name: 'Theirs' });
  });
});

describe('webhooks', () => {
  test('are added with a secret that is shown once, tried, and looked into', async () => {
    await logIn('/dashboard/webhooks');
    await page.getByText('No webhook yet').waitFor();
    await button('Add webhook').click();
    await dialog().getByLabel('Address').fill('ftp://example.com');
    await dialog().getByRole('button', { name: 'Add webhook' }).click();
    await dialog().getByLabel('Address').and(page.locator('[aria-invalid=true]')).waitFor();
    await dialog().getByLabel('Address').fill(hook);
    await dialog().getByLabel('Events').selectOption('Only these events');
    await dialog().getByLabel('device.removed').check();
    await dialog().getByRole('button', { name: 'Add webhook' }).click();
    expect(await dialog().locator('code').textContent()).toMatch(/^whsec_/);
    await dialog().getByRole('button', { name: 'Close' }).click();
    await row(hook).getByRole('link').click();
    await page.locator('h1', { hasText: hook }).waitFor();
    expect(await page.content()).not.toContain('whsec_');
    await page.getByText('No delivery').waitFor();
    await button('Send test message').click();
    await row('webhook.test').getByText('delivered').waitFor();
    await row('webhook.test').getByText('HTTP 200').waitFor();
    expect(posted.map((body) => JSON.parse(body).type)).toEqual(['webhook.test']);
    await row('webhook.test').getByRole('button', { name: 'Details' }).click();
    await dialog().getByText('thank you').waitFor();
    expect(await dialog().getByRole('group', { name: 'Message' }).textContent()).toContain('"webhook.test"');
    await dialog().getByRole('button', { name: 'Close' }).click();
    await row('webhook.test').getByRole('button', { name: 'Send again' }).click();
    await expect.poll(() => posted.length, { timeout }).toBe(2);
    await page.getByLabel('State').selectOption('failed');
    await page.waitForURL(/state=failed/);
    await page.getByText('No delivery').waitFor();
  });

  test('are changed, switched off and on, get another secret, and are removed', async () => {
    const made = { url: hook, description: 'second' };
    const { id } = (await stage.made('/webhooks', made)) as { readonly id: string };
    await logIn(`/dashboard/webhooks/${id}`);
    await button('Edit').click();
    await dialog().getByLabel('Description').fill('third');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await page.getByText('third').waitFor();
    await page.locator('main .head summary').click();
    await button('New secret').click();
    await dialog().getByRole('button', { name: 'New secret' }).click();
    expect(await dialog().locator('code').textContent()).toMatch(/^whsec_/);
    await dialog().getByRole('button', { name: 'Close' }).click();
    await page.locator('main .head summary').click();
    await button('Disable').click();
    await button('Enable').click();
    await button('Send test message').waitFor();
    await page.locator('main .head summary').click();
    await button('Remove').click();
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await page.waitForURL(`${stage.base}/dashboard/webhooks`);
    expect((await stage.alice.get(`/webhooks/${id}`)).status).toBe(404);
    await page.goto(`${stage.base}/dashboard/webhooks/${id}`);
    await page.getByText('It does not exist, or you may not see it').waitFor();
  });

  test('the server is away: the page says so, and reads again', async () => {
    await logIn('/dashboard/account');
    const list = /\/webhooks\?/;
    await page.route(list, (route) => route.abort());
    await page.goto(`${stage.base}/dashboard/webhooks`);
    await page.getByText('This could not be read').waitFor();
    await page.unroute(list);
    await button('Try again').click();
    await row(hook).first().waitFor();
  });
});

test('who holds no right sees no entry in the menu, and is told on the page', async () => {
  await logIn('/dashboard/domains', 'bob');
  await page.getByText('You may not see this').waitFor();
  expect(await page.locator('.nav a').allTextContents()).toEqual(['Devices', 'Account']);
  expect(await page.getByRole('button', { name: 'Add domain' }).count()).toBe(0);
  await page.goto(`${stage.base}/dashboard/webhooks`);
  await page.getByText('You may not see this').waitFor();
  expect(await page.getByRole('button', { name: 'Add webhook' }).count()).toBe(0);
  await page.goto(`${stage.base}/dashboard/webhooks/none`);
  await page.getByText('You may not see this').waitFor();
});

test('an administrator of one domain changes it, and not its quotas', async () => {
  const administrator = { name: 'dora', password, fullName: '' };
  await stage.made('/users', administrator);
  await stage.made('/grants', { user: 'dora', role: 'administrator', domain: 'acme' });
  await logIn('/dashboard/domains', 'dora');
  await row('acme').locator('summary').click();
  expect(await row('acme').getByRole('button', { name: 'Remove' }).count()).toBe(0);
  expect([await page.locator('main tbody tr').count(), await button('Add domain').count()]).toEqual([1, 0]);
  await row('acme').getByRole('button', { name: 'Edit' }).click();
  await dialog().getByLabel('Description').fill('ours');
  expect(await dialog().getByRole('group', { name: 'Quotas' }).count()).toBe(0);
  await dialog().getByRole('button', { name: 'Save' }).click();
  await closed();
  await row('ours').waitFor();
});

test('the secret of an API key stays until somebody closes it', async () => {
  await logIn('/dashboard/account/keys');
  await button('Add API key').click();
  await dialog().getByLabel('Name').fill('import');
  await dialog().getByRole('button', { name: 'Add API key' }).click();
  const secret = dialog().locator('code');
  await secret.filter({ hasText: /^rmk_/ }).waitFor();
  await page.locator('main tbody tr').filter({ hasText: 'import' }).waitFor();
  await secret.focus();
  await page.keyboard.press('Escape');
  await closed();
});

test('a grant gets another end', async () => {
  await stage.made('/grants', { user: 'bob', role: 'user', device: 'pump-5' });
  await logIn('/dashboard/people/grants');
  await row('pump-5').getByRole('button', { name: 'Change end' }).click();
  await dialog().getByLabel('Until').fill('2090-01-02T03:04');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await closed();
  const grants = async () =>
    ((await stage.alice.get('/grants?user=bob')).body as { items: { until: string | null }[] }).items;
  expect((await grants()).map(({ until }) => until?.slice(0, 7))).toEqual(['2090-01']);
  // The dialog opens with what the list has.
  await row('pump-5').filter({ hasText: '2090' }).waitFor();
  await row('pump-5').getByRole('button', { name: 'Change end' }).click();
  expect(await dialog().getByLabel('Until').inputValue()).toBe('2090-01-02T03:04');
  await dialog().getByLabel('Until').fill('');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await closed();
  expect((await grants()).map(({ until }) => until)).toEqual([null]);
});

test('a tag field offers the tags that devices have', async () => {
  await logIn('/dashboard/devices/pump-5');
  await button('Edit').click();
  const field = page.getByLabel('Tags');
  await field.fill('turku, lyo');
  const offers = () =>
    page.locator('datalist option').evaluateAll((all) => all.map((one) => one.getAttribute('value')));
  await expect.poll(offers, { timeout }).toEqual(['turku, lyon']);
  await field.fill('serv');
  await expect.poll(offers, { timeout }).toEqual(['service-due']);
});
