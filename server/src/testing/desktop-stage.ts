import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import { VncServer } from '../../../test/system/vnc-server.ts';
import { X11Vnc } from '../../../test/system/x11vnc.ts';
import type { ApiClient } from './api-client.ts';
import { TestServer } from './test-server.ts';

export const vncPassword = 'pa55word';

/** Ports of the devices. */
export const ports = { tiger: 5900, x11vnc: 5901, password: 5902, nothing: 5903, ssh: 22 } as const;

interface Device {
  readonly configuration: string;
  agent: ChildProcess;
}

/**
 * Devices with real VNC servers behind real agents, and an rm-server: `panel` in a domain whose clipboard passes in both
 * directions, `closed` in one of which the configuration says nothing.
 */
export class DesktopStage {
  readonly server: TestServer;
  readonly alice: ApiClient;
  readonly tiger: VncServer;
  readonly x11vnc: X11Vnc;
  readonly #protected: X11Vnc;
  readonly #ssh: Server;
  readonly #devices = new Map<string, Device>();

  private constructor(
    parts: Pick<DesktopStage, 'server' | 'alice' | 'tiger' | 'x11vnc'> & { locked: X11Vnc; ssh: Server },
  ) {
    this.server = parts.server;
    this.alice = parts.alice;
    this.tiger = parts.tiger;
    this.x11vnc = parts.x11vnc;
    this.#protected = parts.locked;
    this.#ssh = parts.ssh;
  }

  static async start(): Promise<DesktopStage> {
    const server = await TestServer.start({ own: { desktop: { domains: { open: 'both' } } } });
    const alice = await server.signedIn('alice');
    const tiger = await VncServer.start('operator panel');
    const x11vnc = await X11Vnc.start();
    const locked = await X11Vnc.start(vncPassword);
    const ssh = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n'));
    await once(ssh.listen(0, '127.0.0.1'), 'listening');
    const stage = new DesktopStage({ server, alice, tiger, x11vnc, locked, ssh });
    await stage.#add('panel', 'open');
    await stage.#add('closed', 'strict');
    return stage;
  }

  get base(): string {
    return `http://localhost:${this.server.reflector.port}`;
  }

  async #add(id: string, domain: string): Promise<void> {
    await this.alice.post('/domains', { id: domain });
    const { body } = await this.alice.post('/devices', { id, domain, name: `Operator ${id}` });
    const folder = join(this.server.folder, id);
    mkdirSync(folder);
    const configuration = join(folder, 'rm-agent.json');
    const targets: readonly (readonly [number, number, string])[] = [
      [ports.tiger, this.tiger.port, 'vnc'],
      [ports.x11vnc, this.x11vnc.port, 'tcp'],
      [ports.password, this.#protected.port, 'tcp'],
      [ports.nothing, await reservedPort(), 'tcp'],
      [ports.ssh, (this.#ssh.address() as { readonly port: number }).port, 'tcp'],
    ];
    const content = {
      reflector: `${this.base.replace('localhost', '127.0.0.1')}/`,
      device: { id, domain, password: (body as { readonly password: string }).password },
      services: targets.map(([port, targetPort, kind]) => ({ port, kind, target: '127.0.0.1', targetPort })),
      reconnect: { min: 1, max: 1 },
      control: null,
      stateFile: null,
    };
    writeFileSync(configuration, JSON.stringify(content), { mode: 0o600 });
    this.#devices.set(id, { configuration, agent: runAgent(configuration) });
    await this.#isOnline(id);
  }

  #isOnline(id: string): Promise<void> {
    return until(() => this.server.reflector.presence.local.has(id));
  }

  /** The device loses its power. */
  async cut(id: string): Promise<void> {
    const device = this.#devices.get(id);
    if (!device) throw new Error(id);
    device.agent.kill('SIGKILL');
    await once(device.agent, 'exit');
  }

  /** It has power again. */
  async restart(id: string): Promise<void> {
    const device = this.#devices.get(id);
    if (!device) throw new Error(id);
    device.agent = runAgent(device.configuration);
    await this.#isOnline(id);
  }

  async close(): Promise<void> {
    for (const { agent } of this.#devices.values()) agent.kill('SIGKILL');
    await this.server.close();
    for (const each of [this.tiger, this.x11vnc, this.#protected]) await each.stop();
    this.#ssh.close();
  }
}

function runAgent(configuration: string): ChildProcess {
  return spawn(process.execPath, ['dist/node/rm-agent.mjs', 'run', '--config', configuration], {
    stdio: 'ignore',
  });
}
