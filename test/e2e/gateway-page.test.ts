import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { addDevice, deviceId, RemoteSystem } from '../system/remote-system.ts';

/** The gateway's own page in Chromium, through the reflector. */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['tiny', ['dist/x86_64/rm-agent']],
] as const;

const password = 'a password of the gateway';

/** The code of this moment. */
function oathtool(secret: string): string {
  return spawnSync('oathtool', ['--totp', '--base32', secret], { encoding: 'utf8' }).stdout.trim();
}

describe.each(agents)('the page of a gateway on %s', (_, command) => {
  let system: RemoteSystem;
  let gateway: AgentProcess;
  let browser: Browser;
  let page: Page;
  let config: string;
  let folder: string;
  let lanPort: number;
  /** What the browser complains of: a policy that is broken, a script that fails. */
  const complaints: string[] = [];
  const camera = createServer((_request, response) => response.end('camera'));

  beforeAll(async () => {
    camera.listen(0, '127.0.0.2');
    await once(camera, 'listening');
    system = await RemoteSystem.start({ services: [], agent: null });
    folder = join(system.directory, 'devices');
    lanPort = await reservedPort();
    mkdirSync(folder);
    config = join(system.directory, 'gateway.json');
    const device = {
      id: deviceId,
      domain: system.domain,
      password: { file: join(system.directory, 'device') },
    };
    const settings = {
      reflector: `http://127.0.0.1:${system.port}/`,
      gateway: {
        folder,
        page: { device, users: [system.user], listen: { address: '127.0.0.1', port: lanPort } },
      },
      control: join(system.directory, 'control.sock'),
      stateFile: join(system.directory, 'state'),
    };
    writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
    gateway = AgentProcess.start(['--config', config], {}, command);
    await gateway.logged(/device-1: connected to/);
    browser = await startChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/the server responded with a status of/i.test(message.text()))
        complaints.push(message.text());
    });
  });

  afterAll(async () => {
    await browser?.close();
    gateway?.signal('SIGTERM');
    await gateway?.ended();
    await system?.stop();
    camera.close();
  });

  async function status(): Promise<Record<string, unknown>> {
    const asked = AgentProcess.start(['status', '--json', '--config', config], {}, command);
    expect((await asked.ended()).status).toBe(0);
    return JSON.parse(asked.output);
  }

  /** What the page says below. */
  const hears = (text: RegExp) => page.locator('#said').filter({ hasText: text }).waitFor();
  const click = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const label = (text: string) => page.getByLabel(text, { exact: true });

  it('takes its first password by the code that only the gateway itself tells', async () => {
    const { pageCode } = await status();
    await openLoggedIn(page, `${system.url}/`, system);
    await label('Code').fill('AAAA-AAAA-AAAA-AAAA');
    await label('Password').fill(password);
    await click('Set the password');
    await hears(/The code is wrong/);
    await label('Code').fill(String(pageCode));
    await click('Set the password');
    await page.getByRole('cell', { name: deviceId }).waitFor();
    expect(await status()).not.toHaveProperty('pageCode');
    const account = join(system.directory, 'state-page');
    expect(readFileSync(account, 'utf8')).toMatch(/^\{"password":"pbkdf2-sha256\$30000\$[^"]+"\}\n$/);
    expect(statSync(account).mode & 0o777).toBe(0o600);
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'rm-gateway');
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  });

  it('lets in who knows the password, and nobody else', async () => {
    await click('Log out');
    await label('Password').fill('not the password');
    await click('Log in');
    await hears(/wrong/);
    await label('Password').fill(password);
    await click('Log in');
    await page.getByRole('cell', { name: deviceId }).waitFor();
  });

  it('is the same on the network of the gateway, for who knows the password', async () => {
    const there = await browser.newPage();
    there.setDefaultTimeout(120_000);
    there.on('pageerror', (error) => complaints.push(error.message));
    await there.goto(`http://127.0.0.1:${lanPort}/`);
    await there.getByLabel('Password', { exact: true }).fill(password);
    await there.getByRole('button', { name: 'Log in', exact: true }).click();
    await there.getByRole('cell', { name: deviceId }).waitFor();
    await there.close();
  });

  it('lets in a listed user of the reflector by a click', async () => {
    await click('Log out');
    await click(`Enter as ${system.user}`);
    await page.getByRole('cell', { name: deviceId }).waitFor();
  });

  const file = () => join(folder, 'cam-9.json');
  const content = () => JSON.parse(readFileSync(file(), 'utf8'));
  const name = '<img src=x onerror=alert(1)>';

  it('adds a device, but none that is the gateway itself', async () => {
    const { secretFile } = addDevice(system, 'cam-9');
    const secret = readFileSync(secretFile, 'utf8').trim();
    await click('Add');
    await label('ID').fill('cam-9');
    await label('Name').first().fill(name);
    await label('Domain').fill(system.domain);
    await label('Password').fill(secret);
    await label('Host name or address of the device').fill('127.0.0.2');
    await click('Save');
    await hears(/a loopback address; if you mean it, write it to the file/);
    await label('Host name or address of the device').fill('192.0.2.9');
    await click('Save');
    await hears(/Saved/);
    await page.getByText(name).waitFor();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(content()).toEqual({
      target: '192.0.2.9',
      device: { id: 'cam-9', domain: system.domain, name, password: secret },
      services: [{ port: 80 }],
    });
    await gateway.logged(/cam-9: connected to/);
  });

  it('tests a device as its file has it, in sentences', async () => {
    const { port } = camera.address() as AddressInfo;
    const services = [
      { port: 80, targetPort: port, responseTimeout: '2m', access: { mode: 'always' } },
      { port: 443, targetPort: port, tls: { verify: false } },
    ];
    const listed = { ...content(), target: '127.0.0.2', services, access: { mode: 'always' } };
    writeFileSync(file(), JSON.stringify(listed), { mode: 0o600 });
    await page.getByRole('row', { name: 'cam-9' }).getByRole('button', { name: 'Edit' }).click();
    await page.getByText('Also in the file, and left as it is: access, services[0].access').waitFor();
    expect(await label('Password').inputValue()).toBe('');
    await click('Test');
    const findings = page.locator('li');
    await findings.nth(3).waitFor();
    const texts = await findings.allTextContents();
    expect(texts.slice(0, 3)).toEqual([
      `port 80: 127.0.0.2 port ${port} can be reached.`,
      'port 80: It answers HTTP with status 200.',
      `port 443: 127.0.0.2 port ${port} can be reached.`,
    ]);
    expect(texts[3]).toMatch(/^port 443: TLS does not work: /);
    await label('Name').first().fill('Gate');
    await label('Port at the reflector').first().fill('8088');
    await click('Save');
    await hears(/Saved/);
    expect(content()).toEqual({
      ...listed,
      device: { ...listed.device, name: 'Gate' },
      services: [{ ...services[0], port: 8088 }, services[1]],
    });
  });

  it('asks for a one-time code when an authenticator is set up', async () => {
    await click('Account');
    await click('Turn on');
    const secret = (await page.locator('code').textContent()) ?? '';
    const confirm = page.locator('form').filter({ has: page.getByRole('button', { name: 'Confirm' }) });
    await confirm.getByLabel('Password').fill(password);
    await confirm.getByLabel('Code that it shows').fill(oathtool(secret));
    await click('Confirm');
    await hears(/From now on/);
    await click('Log out');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await label('Password').fill(password);
    await click('Log in');
    await hears(/wrong/);
  });

  it('removes a device', async () => {
    // Whoever may change the files of the gateway may take the codes away.
    const account = join(system.directory, 'state-page');
    const { password: hash } = JSON.parse(readFileSync(account, 'utf8'));
    writeFileSync(account, JSON.stringify({ password: hash }), { mode: 0o600 });
    await label('Password').fill(password);
    await click('Log in');
    page.once('dialog', (dialog) => void dialog.accept());
    await page.getByRole('row', { name: 'cam-9' }).getByRole('button', { name: 'Edit' }).click();
    await click('Delete');
    await hears(/Deleted/);
    await page.getByRole('cell', { name: deviceId }).waitFor();
    expect(await page.getByRole('cell', { name: 'cam-9' }).count()).toBe(0);
    expect(existsSync(file())).toBe(false);
  });

  it('shows the neighbours of the gateway', async () => {
    await click('Find');
    await page.getByRole('heading', { name: 'Neighbours' }).waitFor();
  });

  it('offers what a search of the network has found, whatever that calls itself', async () => {
    // What would be found depends on the network of this machine; search.test.ts and the scenarios search.
    const name = '<img src="x" onerror="alert(1)">';
    const found = { address: '192.0.2.33', name, type: '_https', kind: 'https', port: 8443, listed: false };
    const services = [found, { ...found, address: '192.0.2.9', listed: true }];
    await page.route('**/api/search', (route) => route.fulfill({ json: { services } }));
    await click('Search the network');
    await page.getByRole('heading', { name: 'Services' }).waitFor();
    const row = page.getByRole('row', { name: '192.0.2.33' });
    expect(await row.getByRole('cell').allTextContents()).toEqual([
      '192.0.2.33',
      name,
      '_https',
      '8443',
      'Add',
    ]);
    expect(await page.getByRole('row', { name: '192.0.2.9' }).getByRole('cell').last().textContent()).toBe(
      'listed',
    );
    await row.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('heading', { name: 'New device' }).waitFor();
    expect(await label('Host name or address of the device').inputValue()).toBe('192.0.2.33');
    expect(await label('Name').first().inputValue()).toBe(name);
    expect(await label('Port at the reflector').first().inputValue()).toBe('8443');
    expect(await page.locator('select[name=kind]').first().inputValue()).toBe('https');
    await page.unroute('**/api/search');
  });

  it('imports a folder of the original gateway, after it has shown what that becomes', async () => {
    const original = join(system.directory, 'original');
    mkdirSync(original);
    const put = (name: string, ...lines: string[]) =>
      writeFileSync(join(original, name), lines.join('\n'), 'latin1');
    put('rmgateway.properties', 'gateway.http.port = 8080', `webtunnel.domain = ${system.domain}`);
    const gate = ['webtunnel.deviceId = gate', 'webtunnel.host = 192.0.2.7', 'webtunnel.ports = 80'];
    put('gate.properties', ...gate, 'webtunnel.deviceName = Tür Süd');
    put('own.properties', 'webtunnel.deviceId = own', 'webtunnel.ports = 80');
    put('notes.txt', 'nothing');
    await click('Import');
    await label('Folder of the original gateway (*.properties)').setInputFiles(original);
    await page.getByText('gate.properties: gate, 192.0.2.7, ports 80').waitFor();
    await page.getByText(/^own\.properties: target: found "127\.0\.0\.1", a loopback address/).waitFor();
    await click('Import 1');
    await page.getByText('gate.properties: gate is saved').waitFor();
    expect(JSON.parse(readFileSync(join(folder, 'gate.json'), 'utf8'))).toEqual({
      target: '192.0.2.7',
      device: { id: 'gate', domain: system.domain, name: 'Tür Süd' },
      services: [{ port: 80, kind: 'http' }],
    });
    expect(existsSync(join(folder, 'own.json'))).toBe(false);
  });

  it('has broken no rule of its own policy', () => {
    expect(complaints).toEqual([]);
  });
});
