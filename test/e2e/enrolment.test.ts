import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { root } from '../checkout.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';

/** Devices that enrol at a real `rm-server`, over TLS: the programs as they are shipped. */

const executables: [string, string[]][] = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
];

const password = 'kettle orbit walnut';
const folder = mkdtempSync(join(tmpdir(), 'rm-enrolment-'));
const authority = new Authority();
const clientCa = join(folder, 'client-ca.pem');
const agents: AgentProcess[] = [];
let server: ChildProcess;
let port = 0;
let devices = 0;

interface Reply {
  readonly status: number;
  readonly text: string;
}

function api(method: string, path: string, body?: object): Promise<Reply> {
  const options = {
    host: 'localhost',
    port,
    method,
    path: `/my-devices/api${path}`,
    auth: `alice:${password}`,
    ca: readFileSync(authority.file),
    headers: { 'content-type': 'application/json' },
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

async function done(method: string, path: string, body?: object): Promise<string> {
  const { status, text } = await api(method, path, body);
  if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text;
}

async function newKey(more: object = {}): Promise<string> {
  const { text } = JSON.parse(
    await done('POST', '/enrolment-keys', { name: 'line', domain: 'acme', ...more }),
  );
  return text;
}

const isOnline = async (id: string) => {
  const { status, text } = await api('GET', `/devices/${id}`);
  return status === 200 && JSON.parse(text).online === true;
};

const patiently = { timeout: 120_000, interval: 250 };

beforeAll(async () => {
  const { certFile, keyFile } = authority.issue({ names: 'DNS:localhost,IP:127.0.0.1' });
  writeFileSync(clientCa, authority.caPem());
  const program = join(root, 'server/dist/main.js');
  const data = ['--data', join(folder, 'server.sqlite')];
  const adding = ['user', 'add', 'alice', '--admin', '--password-file', '-', ...data];
  execFileSync(process.execPath, [program, ...adding], { input: `${password}\n`, stdio: 'pipe' });
  const tls = ['--tls-cert', certFile, '--tls-key', keyFile, '--client-ca', clientCa];
  const listening = ['--listen', '127.0.0.1:0', '--log-level', 'error'];
  server = spawn(process.execPath, [program, ...data, ...listening, ...tls], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!server.stdout) throw new Error('no output');
  for await (const piece of server.stdout) {
    port = Number(/listens on \S+:(\d+)/.exec(String(piece))?.[1] ?? 0);
    if (port > 0) break;
  }
  await done('POST', '/domains', { id: 'acme' });
  appendFileSync(clientCa, await done('GET', '/enrolment-authority'));
  server.kill('SIGHUP');
});

afterEach(() => {
  for (const agent of agents.splice(0)) agent.signal('SIGKILL');
});

afterAll(async () => {
  server.kill('SIGTERM');
  await once(server, 'exit');
  authority.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(executables)('the agent %s', (name, command) => {
  /** Starts a device; `again` are its files. */
  function device(enroll: object, again?: { readonly id: string; readonly stateFile: string }) {
    const id = again?.id ?? `${name.replace('_', '-')}-${++devices}`;
    const stateFile = again?.stateFile ?? join(folder, id);
    const file = join(folder, `${id}.json`);
    const configuration = {
      reflector: `https://localhost:${port}/`,
      device: { id, enroll: { hardware: `board of ${id}`, ...enroll } },
      services: [{ port: 80 }],
      tls: { ca: authority.file },
      reconnect: { min: 1, max: 1 },
      control: null,
      stateFile,
    };
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    const agent = AgentProcess.start(['--config', file], {}, command);
    agents.push(agent);
    const code = async () => {
      await expect.poll(() => agent.log.join('\n'), patiently).toMatch(/its code is [A-Z2-9-]{9}/);
      return /its code is ([A-Z2-9-]{9})/.exec(agent.log.join('\n'))?.[1] ?? '';
    };
    const online = () => expect.poll(() => isOnline(id), patiently).toBe(true);
    return { id, stateFile, agent, code, online, state: () => readFileSync(stateFile, 'utf8') };
  }

  test('by a key, which counts once', async () => {
    const key = await newKey();
    const first = device({ key });
    await first.online();
    expect(first.state()).toContain(`device ${first.id}@acme `);
    expect(statSync(first.stateFile).mode & 0o777).toBe(0o600);
    const second = device({ key });
    await expect.poll(() => second.agent.log.join('\n'), patiently).toMatch(/is not enrolled \(403 /);
    // The first one needs no key any more.
    first.agent.signal('SIGTERM');
    await first.agent.exited;
    await device({}, first).online();
  });

  test('by a code', async () => {
    const waiting = device({});
    await done('POST', `/enrolments/${await waiting.code()}/accept`, { domain: 'acme' });
    await waiting.online();
    expect(waiting.state()).toContain(`device ${waiting.id}@acme `);
  });

  test('by a key, once somebody has approved', async () => {
    const waiting = device({ key: await newKey({ approval: true }) });
    const code = await waiting.code();
    expect(await isOnline(waiting.id)).toBe(false);
    await done('POST', `/enrolments/${code}/accept`, {});
    await waiting.online();
  });

  test('for a certificate, until that is revoked', async () => {
    const certified = device({ key: await newKey(), credential: 'certificate' });
    await certified.online();
    expect(certified.state()).toMatch(/BEGIN EC PRIVATE KEY[\w\W]*BEGIN CERTIFICATE/);
    certified.agent.signal('SIGTERM');
    await certified.agent.exited;
    const before = certified.state();
    const again = device({ credential: 'certificate' }, certified);
    await again.online();
    expect(again.state()).toBe(before);
    await done('DELETE', `/devices/${certified.id}/enrolment`);
    await again.code();
    expect(await isOnline(certified.id)).toBe(false);
  });

  test('not with a copy of another device’s files', async () => {
    const first = device({ key: await newKey() });
    await first.online();
    first.agent.signal('SIGTERM');
    await first.agent.exited;
    const copy = device({ hardware: 'another board' }, first);
    await copy.code();
    expect(await isOnline(first.id)).toBe(false);
  });
});
