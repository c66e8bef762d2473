import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import { VncServer } from '../../../test/system/vnc-server.ts';
import { X11Vnc } from '../../../test/system/x11vnc.ts';
import type { ApiClient } from './api-client.ts';
import { RealAgents } from './real-agents.ts';
import { TestServer } from './test-server.ts';

export const vncPassword = 'pa55word';

/** Ports of the devices. */
export const ports = { tiger: 5900, x11vnc: 5901, password: 5902, nothing: 5903, ssh: 22 } as const;

/**
 * Devices with real VNC servers behind real agents, and an rm-server: `panel` in a domain whose clipboard passes in both
 * directions, `closed` in one of which the configuration says nothing.
 */
export class DesktopStage {
  readonly server: TestServer;
  readonly alice: ApiClient;
  readonly agents: RealAgents;
  readonly tiger: VncServer;
  readonly x11vnc: X11Vnc;
  /** The one that asks for {@link vncPassword}. */
  readonly locked: X11Vnc;
  readonly #ssh: Server;

  private constructor(
    parts: Pick<DesktopStage, 'server' | 'alice' | 'tiger' | 'x11vnc' | 'locked'> & { ssh: Server },
  ) {
    this.server = parts.server;
    this.alice = parts.alice;
    this.agents = new RealAgents(parts.server, parts.alice);
    this.tiger = parts.tiger;
    this.x11vnc = parts.x11vnc;
    this.locked = parts.locked;
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
    const ssh = (this.#ssh.address() as { readonly port: number }).port;
    await this.agents.add(id, domain, [
      { port: ports.tiger, targetPort: this.tiger.port, kind: 'vnc' },
      { port: ports.x11vnc, targetPort: this.x11vnc.port, kind: 'tcp' },
      { port: ports.password, targetPort: this.locked.port, kind: 'tcp' },
      { port: ports.nothing, targetPort: await reservedPort(), kind: 'tcp' },
      { port: ports.ssh, targetPort: ssh, kind: 'tcp' },
    ]);
  }

  async close(): Promise<void> {
    this.agents.close();
    await this.server.close();
    for (const each of [this.tiger, this.x11vnc, this.locked]) await each.stop();
    this.#ssh.close();
  }
}
