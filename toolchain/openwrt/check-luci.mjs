// Checks the page for LuCI in Chromium, with LuCI's own scripts and a stand-in for ubus. Needs a checkout of LuCI and Chromium.
//   node toolchain/openwrt/check-luci.mjs /path/of/luci
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const [luci] = process.argv.slice(2);
if (luci === undefined) {
  console.error('usage: check-luci.mjs LUCI');
  process.exit(64);
}
const page = fileURLToPath(new URL('feed/luci/luci-app-rm-agent', import.meta.url));
const folders = [join(page, 'htdocs'), join(luci, 'modules/luci-base/htdocs')];

/** @typedef {Record<string, unknown>} Message */

/** What OpenWrt has after the first boot. @type {Record<string, Message>} */
const settings = {
  agent: { '.type': 'agent', '.name': 'agent', enabled: '1', password_file: '/etc/rm-agent.secret' },
  cfg02: { '.type': 'service', '.name': 'cfg02', '.anonymous': true, '.index': 1, port: '80', kind: 'http' },
};
/** @type {Message[]} */
const changes = [];

/** @param {string} call @param {Message} parameters @returns {Message} */
function answer(call, parameters) {
  if (call.startsWith('uci.') && call !== 'uci.get') changes.push({ call, ...parameters });
  if (call === 'uci.get') return { values: settings };
  const section = typeof parameters.section === 'string' ? parameters.section : 'cfg03';
  if (call === 'uci.add')
    settings[section] = { '.type': 'service', '.name': section, '.anonymous': true, '.index': 2 };
  if (call === 'uci.add' || call === 'uci.set') Object.assign(settings[section] ?? {}, parameters.values);
  if (call === 'uci.add') return { section };
  if (call === 'session.access') return { access: true };
  if (call !== 'file.exec') return {};
  assert.deepEqual([parameters.command, parameters.params], ['/usr/bin/rm-agent', ['status']]);
  return { code: 0, stdout: 'state:        connected for 3 h 12 min\n' };
}

/** @param {{ id: number, method: string, params: [string, string, string, Message] }} request */
function reply({ id, method: kind, params }) {
  if (kind !== 'call') return { jsonrpc: '2.0', id, result: {} };
  const [, object, method, parameters] = params;
  return { jsonrpc: '2.0', id, result: [0, answer(`${object}.${method}`, parameters)] };
}

/** As LuCI's header and view templates have it. */
const html = `<!DOCTYPE html><script>TR = {}</script><script src="/luci-static/resources/cbi.js"></script>
<body><div id="maincontent"><div id="view"></div></div><div id="modal_overlay"></div>
<script src="/luci-static/resources/promis.min.js"></script><script src="/luci-static/resources/luci.js"></script>
<script>L = new LuCI({ resource: '/luci-static/resources', scriptname: '/cgi-bin/luci', pathinfo: '', requestpath: [],
dispatchpath: [], pollinterval: 5, ubuspath: '/ubus/', sessionid: '0', token: '0', nodespec: { readonly: false } });
L.require('ui').then((ui) => ui.instantiateView('rm-agent'));</script></body>`;

const server = createServer(async (request, response) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  if (path.startsWith('/ubus/')) {
    const asked = JSON.parse(await text(request));
    response.end(JSON.stringify(Array.isArray(asked) ? asked.map(reply) : reply(asked)));
    return;
  }
  const file = folders.map((folder) => join(folder, path)).find((name) => path !== '/' && existsSync(name));
  if (file === undefined && path !== '/') response.writeHead(404).end();
  else {
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript');
    // LuCI makes a function of the text of a view: comments above its directives are no problem.
    response.end(file === undefined ? html : readFileSync(file));
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' ? address?.port : undefined;
const browser = await chromium.launch({
  executablePath: process.env.RM_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const tab = await browser.newPage();
  /** @type {string[]} */
  const faults = [];
  tab.on('pageerror', (error) => faults.push(error.message));
  await tab.goto(`http://127.0.0.1:${port}/`);
  await tab.getByText('connected for 3 h 12 min').waitFor();
  const field = (/** @type {string} */ name) => tab.locator(`[data-name="${name}"] input:not([type=hidden])`);

  await field('reflector').first().fill('remote.example.com');
  await field('reflector').first().blur();
  await tab.locator('.cbi-input-invalid').first().waitFor();
  await field('reflector').first().fill('https://remote.example.com/');
  await field('domain').first().fill('7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11');
  await field('id').first().fill('pump-7');
  await field('password').first().fill('secret');
  const saved = tab.waitForResponse((found) => (found.request().postData() ?? '').includes('"changes"'));
  await tab.locator('.cbi-button-save').click();
  await saved;

  const set = changes.filter(({ call }) => call === 'uci.set');
  assert.deepEqual(
    set.map(({ section, values }) => [section, values]),
    [
      [
        'agent',
        {
          enabled: '1',
          reflector: 'https://remote.example.com/',
          domain: '7f1c4c5e-52a4-4f1e-9d0b-0d9a3d1f6b11',
          id: 'pump-7',
          password: 'secret',
        },
      ],
    ],
  );
  const removed = changes.filter(({ call }) => call === 'uci.delete');
  assert.deepEqual(
    removed.map(({ section, options }) => [section, options]),
    [['agent', ['password_file']]],
  );

  await tab.locator('.cbi-button-add').first().click();
  await tab.locator('.modal [data-name="port"] input').fill('22');
  await tab.locator('.modal [data-name="kind"] select').selectOption('ssh');
  await tab.locator('.modal .cbi-button-positive').click();
  await tab.locator('.cbi-section-table-row').nth(1).waitFor();
  assert.deepEqual(faults, []);
  console.log('the page reads and writes the settings, and shows the state');
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
