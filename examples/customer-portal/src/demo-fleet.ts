import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, httpHandler } from 'rm-agent';

/** `rm-server` with two customers, a domain each, and a device in each domain. */
export interface DemoFleet {
  readonly server: URL;
  /** The API key for each customer. */
  readonly keys: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('../../../server/dist/main.js', import.meta.url));

export async function startDemoFleet(): Promise<DemoFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-portal-'));
  const data = join(folder, 'server.sqlite');
  const child = spawn(
    process.execPath,
    [program, '--listen', '127.0.0.1:0', '--data', data, '--log-level', 'error'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, HOME: folder },
    },
  );
  const { port } = new URL(await address(child));
  const server = new URL(`http://localhost:${port}`);
  const password = /password: (.*)/.exec(readFileSync(`${data}.first-administrator`, 'utf8'))?.[1] ?? '';
  const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;

  async function made(path: string, body: object): Promise<Record<string, string>> {
    const response = await fetch(new URL(`/my-devices/api${path}`, server), {
      method: 'POST',
      headers: { authorization: basic, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, string>;
  }

  const keys = new Map<string, string>();
  const agents: Agent[] = [];
  for (const customer of ['acme', 'northwind']) {
    await made('/domains', { id: customer });
    // What the portal may do for this customer, and nothing else: see and open the devices of one domain.
    const user = `portal-${customer}`;
    await made('/users', { name: user, kind: 'service' });
    await made('/grants', { user, role: 'user', domain: customer, ports: ['web'] });
    const permissions = ['devices.read', 'devices.open'];
    keys.set(customer, (await made('/keys', { user, name: 'portal', permissions })).secret ?? '');

    const id = `pump-of-${customer}`;
    const device = await made('/devices', { id, domain: customer, name: `Pump of ${customer}` });
    const agent = new Agent({
      reflector: server.href,
      device: { id, domain: customer, password: device.password ?? '' },
      services: [
        {
          port: 80,
          kind: 'http',
          handler: httpHandler((_request, response) => response.end(`This is ${id}.\n`)),
        },
      ],
    });
    agent.start();
    await agent.connected();
    agents.push(agent);
  }
  return {
    server,
    keys,
    close: async () => {
      for (const agent of agents) await agent.stop();
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Where the server says that it listens. */
function address(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const found = /listens on (http:\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (status) => reject(new Error(`rm-server ended with ${status}`)));
  });
}
