import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { ownNetwork } from '../system/own-network.ts';
import { executable } from './stage/agent-process.ts';
import { lacks } from './stage/features.ts';
import { LocalService } from './stage/local-service.ts';
import { domain, type Stage, scenario } from './stage/stage.ts';
import type { Tunnel } from './stage/tunnel.ts';

/** The gateway's own page, inside its process: `gateway.page`. */

const password = 'a password of the gateway';

const [unshare, ...inOwnNetwork] = ownNetwork;
const hasNetworks = spawnSync(unshare ?? '', [...inOwnNetwork, 'true']).status === 0;

/** Answers questions in that network, well and badly; searches by the page until something is found, and prints it. */
const visitorInNetwork = `
import { createSocket } from 'node:dgram';
const [, , code, password] = process.argv;
const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const type = '05 5f68747470 04 5f746370 05 6c6f63616c 00';
const records = hex(type + '000c 0001 0000000a 0006 03 43616d c00c' +
  'c028 0021 8001 0000000a 0010 0000 0000 1f90 07 63616d2d312d31 c017');
const head = hex('8400 0000 0002 0000 0000');
const responder = createSocket({ type: 'udp4', reuseAddr: true });
responder.on('message', (query, { address, port }) => {
  const id = query.subarray(0, 2);
  if (!query.includes(hex(type))) return;
  for (const answer of [
    Buffer.concat([id, head, records]),
    Buffer.concat([id, head, hex('c00c 000c 0001')]),
    Buffer.alloc(5000, id),
    ...Array(40).fill(query),
  ])
    responder.send(answer, port, address);
});
await new Promise((resolve) => responder.bind(5353, resolve));
responder.addMembership('224.0.0.251', '192.0.2.1');
const url = 'http://192.0.2.1:8080';
let [cookie, proof] = ['', ''];
const call = async (name, body) => {
  const response = await fetch(url + '/api/' + name, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: url, Cookie: cookie, 'X-RM-Proof': proof },
    body: JSON.stringify(body),
  });
  const [field = ''] = response.headers.getSetCookie();
  if (field !== '') cookie = field.split(';')[0];
  return response.json();
};
({ proof } = await call('set-up', { code, password }));
let found;
// Datagrams may be late on a machine that is busy.
do found = await call('search', {});
while (found.services?.length === 0);
console.log(JSON.stringify(found));
process.exit();
`;

interface Response {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A visitor of the page through the tunnel, who asks one thing after the other. */
class Visitor {
  cookie = '';
  proof = '';
  readonly #tunnel: Tunnel;
  #channel = 0;

  constructor(tunnel: Tunnel) {
    this.#tunnel = tunnel;
  }

  async request(text: string): Promise<Response> {
    const channel = ++this.#channel;
    await this.#tunnel.open(channel, 80);
    await this.#tunnel.sendData(channel, Buffer.from(text), 1024);
    let head = '';
    while (!head.endsWith('\r\n\r\n')) head += (await this.#tunnel.read(channel, 1)).toString('latin1');
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    const body = (await this.#tunnel.read(channel, length)).toString();
    return { status: Number(head.slice(9, 12)), head, body };
  }

  get(path: string): Promise<Response> {
    return this.request(`GET ${path} HTTP/1.1\r\nHost: page.example\r\nConnection: close\r\n\r\n`);
  }

  async call(name: string, body: object = {}, origin = 'http://page.example') {
    const text = JSON.stringify(body);
    const response = await this.request(
      `POST /api/${name} HTTP/1.1\r\nHost: page.example\r\nOrigin: ${origin}\r\nContent-Type: application/json\r\n` +
        `Cookie: rm-gateway=${this.cookie}\r\nX-RM-Proof: ${this.proof}\r\nConnection: close\r\n` +
        `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
    const json = response.body.startsWith('{') ? JSON.parse(response.body) : {};
    const [, cookie] = /^set-cookie: rm-gateway=([^;]+)/im.exec(response.head) ?? [];
    if (cookie !== undefined) {
      this.cookie = cookie;
      this.proof = json.proof;
    }
    return { ...response, json };
  }
}

async function start(stage: Stage) {
  const folder = join(stage.directory, 'devices');
  mkdirSync(folder);
  const reflector = await stage.reflector();
  const stateFile = join(stage.directory, 'state');
  const config = stage.file(
    JSON.stringify({
      reflector: reflector.uri,
      gateway: { folder, probe: 0, page: { device: { id: 'page', domain, password: 'of the page' } } },
      reconnect: { min: 1, max: 1 },
      timeouts: { connect: 120 },
      control: join(stage.directory, 'control.sock'),
      stateFile,
    }),
  );
  const agent = stage.run(['--config', config]);
  const tunnel = await reflector.tunnel();
  await tunnel.established();
  const command = async (name: string) => {
    const asked = stage.run([name, '--config', config]);
    await asked.ended();
    return asked.output;
  };
  const code = async () => /^page: .* with the code ([A-Z2-7-]+)$/m.exec(await command('status'))?.[1];
  const visitor = new Visitor(tunnel);
  return { folder, reflector, agent, visitor, command, code, account: `${stateFile}-page` };
}

describe.concurrent('the page of a gateway', () => {
  const pageScenario = scenario.skipIf(lacks('gateway'));

  pageScenario('is served by the gateway itself, with a policy that runs nothing else', async ({ stage }) => {
    const { visitor, agent } = await start(stage);
    await agent.logged(/gateway\.page: no password yet/);
    const page = await visitor.get('/');
    expect(page).toMatchObject({ status: 200, body: expect.stringMatching(/^<!doctype html>/) });
    expect(page.head).toMatch(/^content-security-policy: default-src 'none'/im);
    const script = await visitor.get('/page.js');
    expect(script).toMatchObject({ status: 200, body: expect.stringContaining('api/') });
    expect(script.body.length).toBeLessThan(16_384);
    expect((await visitor.get('/page.css')).status).toBe(200);
    expect((await visitor.get('/etc/passwd')).status).toBe(404);
    expect((await visitor.get('/../../etc/passwd')).status).toBe(404);
    expect((await visitor.request('nonsense\r\n\r\n')).status).toBe(400);
    expect((await visitor.call('devices')).status).toBe(401);
  });

  pageScenario('is no service that check could reach', async ({ stage }) => {
    const { command } = await start(stage);
    const output = await command('check');
    expect(output).toMatch(/^ok +tunnel +page: connected/m);
    expect(output).not.toMatch(/ service /);
  });

  pageScenario('is on the network of the gateway where that is configured, and warns', async ({ stage }) => {
    const folder = join(stage.directory, 'devices');
    mkdirSync(folder);
    const port = await reservedPort();
    const configured = (name: string, address: string) =>
      stage.file(
        JSON.stringify({
          reflector: 'http://127.0.0.1:1/',
          gateway: { folder, probe: 0, page: { listen: { address, port } } },
          control: join(stage.directory, `${name}.sock`),
          stateFile: join(stage.directory, name),
        }),
      );
    const config = configured('page', '127.0.0.1');
    const agent = stage.run(['--config', config]);
    await agent.logged(/gateway\.page\.listen: the page is served without TLS on 127\.0\.0\.1 port \d+/);
    const url = `http://127.0.0.1:${port}`;
    const begun = () =>
      fetch(`${url}/`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(begun, { timeout: 120_000 }).toBe(true);
    const page = await fetch(`${url}/`);
    expect(await page.text()).toMatch(/^<!doctype html>/);
    const call = (name: string, headers: Record<string, string>) =>
      fetch(`${url}/api/${name}`, {
        method: 'POST',
        body: '{}',
        headers: { 'Content-Type': 'application/json', ...headers },
      });
    const session = await call('session', { Origin: url });
    expect(await session.json()).toEqual({ proof: null, setUp: true });
    expect((await call('session', { Origin: 'http://evil.example' })).status).toBe(403);
    expect((await call('devices', { Origin: url })).status).toBe(401);
    const forged = { Origin: url, 'X-RM-Visitor': `${'A'.repeat(43)} operator` };
    expect((await call('enter', forged)).status).toBe(401);
    const rebound = request({
      port,
      host: '127.0.0.1',
      headers: { Host: 'evil.example', Connection: 'close' },
    });
    const [answer] = (await once(rebound.end(), 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(421);
    answer.resume();
    const status = stage.run(['status', '--config', config]);
    await status.ended();
    expect(status.output).toMatch(/^page: +on 127\.0\.0\.1 port \d+, without TLS$/m);
    const second = stage.run(['--config', configured('second', '127.0.0.1')]);
    await second.logged(/listen: 127\.0\.0\.1 port \d+: another program listens there; it is tried again/);
    // An address for documentation (RFC 5737).
    const elsewhere = stage.run(['--config', configured('elsewhere', '192.0.2.1')]);
    await elsewhere.logged(/listen: 192\.0\.2\.1 port \d+: this machine does not have the address; it is/);
    const check = stage.run(['check', '--offline', '--config', config]);
    await check.ended();
    expect(check.log.join('\n')).toMatch(/gateway\.page\.listen: the page is served without TLS/);
  });

  // Passwords are expensive on purpose: minutes under an emulator, hours with a collection before every allocation.
  const passwordScenario = scenario.skipIf(lacks('gateway') || process.env.RM_SLOW !== '1');

  const searchScenario = scenario.skipIf(lacks('gateway') || process.env.RM_SLOW !== '1' || !hasNetworks);

  searchScenario('searches the network of the gateway when it is asked', async ({ stage }) => {
    const folder = join(stage.directory, 'devices');
    mkdirSync(folder);
    const config = stage.file(
      JSON.stringify({
        reflector: 'http://127.0.0.1:1/',
        gateway: { folder, probe: 0, page: { listen: { address: '192.0.2.1', port: 8080 } } },
        control: join(stage.directory, 'control.sock'),
        stateFile: join(stage.directory, 'state'),
      }),
    );
    const agent = stage.run(['--config', config], {}, [...ownNetwork, ...executable]);
    await agent.logged(/gateway\.page: no password yet/);
    let code: string | undefined;
    const ask = async () => {
      const status = stage.run(['status', '--config', config]);
      await status.ended();
      code = /^page: .* with the code ([A-Z2-7-]+)$/m.exec(status.output)?.[1];
      return code;
    };
    await expect.poll(ask, { timeout: 120_000 }).toBeTypeOf('string');
    const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
    const place = ['--target', String(agent.pid), ...user, '--net', '--'];
    const visitor = stage.run(
      [...place, process.execPath, stage.file(visitorInNetwork, 'visitor.mjs'), String(code), password],
      {},
      ['nsenter'],
    );
    expect([await visitor.ended(), visitor.log]).toEqual([{ status: 0, signal: null }, []]);
    expect(JSON.parse(visitor.output)).toEqual({
      services: [
        { address: '192.0.2.1', name: 'Cam', type: '_http', kind: 'http', port: 8080, listed: false },
      ],
    });
  });

  passwordScenario('adds, tests and removes devices, for who has logged in', async ({ stage }) => {
    const { folder, reflector, visitor, code, account } = await start(stage);
    const web = await stage.service(() =>
      LocalService.start((socket) => {
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
      }),
    );
    expect((await visitor.call('set-up', { code: await code(), password })).status).toBe(200);
    expect(await code()).toBe(undefined);
    expect(statSync(account).mode & 0o777).toBe(0o600);
    expect(readFileSync(account, 'utf8')).not.toContain(password);
    const device = (target: string) => ({
      target,
      device: { id: 'cam-1', domain, password: 'S3cret' },
      services: [{ port: 80, targetPort: web.port }],
    });
    const refused = await visitor.call('save', { file: null, device: device('127.0.0.1') });
    expect(refused.json.problems).toEqual([
      expect.stringMatching(/^target: found "127\.0\.0\.1", a loopback/),
    ]);
    expect(readdirSync(folder)).toEqual([]);
    // Names are judged when they are dialled; who looks this one up decides whether it is there at all.
    const given = { file: null, device: device('camera.localhost') };
    const tested = await visitor.call('test', given);
    expect(tested.json).toMatchObject({
      problems: [],
      findings: [
        { ok: false, text: expect.stringMatching(/camera\.localhost port \d+ cannot be reached: /) },
      ],
    });
    expect((await visitor.call('save', given, 'http://evil.example')).status).toBe(403);
    expect((await visitor.call('save', given)).json).toEqual({ file: 'cam-1' });
    await (await reflector.tunnel()).established();
    expect(statSync(join(folder, 'cam-1.json')).mode & 0o777).toBe(0o600);
    const list = await visitor.call('devices');
    expect(list.json.devices.map(({ id }: { id: string }) => id)).toEqual(['page', 'cam-1']);
    const shown = await visitor.call('device', { file: 'cam-1' });
    expect(shown.body).not.toContain('S3cret');
    expect((await visitor.call('remove', { file: 'cam-1' })).status).toBe(409);
    const { revision } = shown.json;
    expect((await visitor.call('remove', { file: 'cam-1', revision })).status).toBe(200);
    expect(readdirSync(folder)).toEqual([]);
    expect((await visitor.call('log-out')).status).toBe(200);
    expect((await visitor.call('devices')).status).toBe(401);
    expect((await visitor.call('log-in', { password: 'wrong', code: '' })).status).toBe(401);
  });
});
