import { spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOpenSsh } from '../ssh/openssh.ts';
import type { SshServer } from '../ssh/ssh-server.ts';
import { type ClientOptions, ClientTunnel, Refusal } from '../system/client-tunnel.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** OpenSSH on both ends, a client of `webtunnel.md` section 4 and the whole system between them. */

let sshd: SshServer;
let system: RemoteSystem;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-openssh-'));
  sshd = await startOpenSsh();
  system = await RemoteSystem.start({ services: [{ port: sshd.port, kind: 'ssh' }] });
});

afterAll(async () => {
  await system?.stop();
  await sshd?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A port on this machine that leads to the device's sshd, each connection through a client tunnel. */
async function forward(options: Omit<ClientOptions, 'port'>): Promise<Server & { readonly port: number }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    ClientTunnel.open(system, { ...options, port: sshd.port })
      .then((tunnel) => Promise.all([pipeline(socket, tunnel), pipeline(tunnel, socket)]))
      .catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

async function run(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output, errors };
}

const clients: [string, Omit<ClientOptions, 'port'>][] = [
  ['as the original speaks it (POST)', { method: 'POST' }],
  ['with GET', { method: 'GET' }],
  ['with the extension', { method: 'GET', extension: true }],
];

describe.each(clients)('OpenSSH over a client tunnel %s', (_, options) => {
  let server: Server & { readonly port: number };

  beforeAll(async () => {
    server = await forward(options);
  });

  afterAll(() => {
    server?.close();
  });

  test('runs a command', async () => {
    const login = [...sshd.clientOptions, '-p', String(server.port), `${sshd.user}@127.0.0.1`];
    const { status, output, errors } = await run('ssh', [...login, 'echo reached; exit 7']);
    expect(errors).toBe('');
    expect(output).toBe('reached\n');
    expect(status).toBe(7);
  });

  test('copies 64 MiB there and back, unchanged', async () => {
    const bytes = randomFillSync(Buffer.alloc(64 << 20));
    const [here, there, back] = ['here', 'there', 'back'].map((name) =>
      join(directory, `${name}-${server.port}`),
    );
    writeFileSync(here ?? '', bytes);
    const copy = (from: string, to: string) =>
      run('scp', [...sshd.clientOptions, '-q', '-P', String(server.port), from, to]);
    expect(await copy(here ?? '', `${sshd.user}@127.0.0.1:${there}`)).toMatchObject({
      status: 0,
      errors: '',
    });
    expect(await copy(`${sshd.user}@127.0.0.1:${there}`, back ?? '')).toMatchObject({
      status: 0,
      errors: '',
    });
    const digest = createHash('sha256').update(bytes).digest('hex');
    expect(
      createHash('sha256')
        .update(readFileSync(back ?? ''))
        .digest('hex'),
    ).toBe(digest);
  });
});

describe('a client tunnel', () => {
  const refusal = async (options: ClientOptions): Promise<Refusal> => {
    const outcome = await ClientTunnel.open(system, options).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Refusal);
    return outcome as Refusal;
  };

  test('is refused with 401 without valid credentials', async () => {
    const authorization = `Basic ${Buffer.from('operator:wrong').toString('base64')}`;
    expect((await refusal({ port: sshd.port, authorization })).status).toBe(401);
  });

  test('is refused, with a reason, for a port that is not forwarded', async () => {
    const { status, text } = await refusal({ port: 1 });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toBe('');
  });
});
