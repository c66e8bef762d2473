import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import type { ApiClient } from './api-client.ts';
import type { TestServer } from './test-server.ts';

/** A port of a device, and what listens there in fact, on the loopback interface. */
export interface RealService {
  readonly port: number;
  readonly targetPort: number;
  readonly kind: 'ssh' | 'vnc' | 'tcp';
}

interface Device {
  readonly configuration: string;
  agent: ChildProcess;
}

/** Devices with real agents, each a process. */
export class RealAgents {
  readonly #server: TestServer;
  readonly #admin: ApiClient;
  readonly #devices = new Map<string, Device>();

  constructor(server: TestServer, admin: ApiClient) {
    this.#server = server;
    this.#admin = admin;
  }

  /** Ends when the device is on line. */
  async add(id: string, domain: string, services: readonly RealService[]): Promise<void> {
    await this.#admin.post('/domains', { id: domain });
    const { body } = await this.#admin.post('/devices', { id, domain, name: `Operator ${id}` });
    const folder = join(this.#server.folder, id);
    mkdirSync(folder);
    const configuration = join(folder, 'rm-agent.json');
    const content = {
      reflector: `http://127.0.0.1:${this.#server.reflector.port}/`,
      device: { id, domain, password: (body as { readonly password: string }).password },
      services: services.map((service) => ({ ...service, target: '127.0.0.1' })),
      reconnect: { min: 1, max: 1 },
      control: null,
      stateFile: null,
    };
    writeFileSync(configuration, JSON.stringify(content), { mode: 0o600 });
    this.#devices.set(id, { configuration, agent: runAgent(configuration) });
    await this.#isOnline(id);
  }

  #isOnline(id: string): Promise<void> {
    return until(() => this.#server.reflector.presence.local.has(id));
  }

  /** The device loses its power. */
  async cut(id: string): Promise<void> {
    const { agent } = this.#device(id);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }

  /** It has power again. */
  async restart(id: string): Promise<void> {
    const device = this.#device(id);
    device.agent = runAgent(device.configuration);
    await this.#isOnline(id);
  }

  close(): void {
    for (const { agent } of this.#devices.values()) agent.kill('SIGKILL');
  }

  #device(id: string): Device {
    const device = this.#devices.get(id);
    if (!device) throw new Error(id);
    return device;
  }
}

function runAgent(configuration: string): ChildProcess {
  return spawn(process.execPath, ['dist/node/rm-agent.mjs', 'run', '--config', configuration], {
    stdio: 'ignore',
  });
}
