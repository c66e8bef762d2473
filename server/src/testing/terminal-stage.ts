import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { startDropbear } from '../../../test/ssh/dropbear.ts';
import { startOpenSsh } from '../../../test/ssh/openssh.ts';
import type { SshServer } from '../../../test/ssh/ssh-server.ts';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import type { ApiClient } from './api-client.ts';
import { RealAgents } from './real-agents.ts';
import { TestServer, type TestServerOptions } from './test-server.ts';

/** Ports of the device. */
export const ports = { openSsh: 22, dropbear: 23, nothing: 24, notSsh: 25 } as const;

/** Only root can give a user a password that the test knows. */
export const isRoot = process.getuid?.() === 0;
export const devicePassword = 'a password of the device';

/** An rm-server, and a device `pump` with real SSH servers behind a real agent. */
export class TerminalStage {
  readonly server: TestServer;
  readonly alice: ApiClient;
  readonly agents: RealAgents;
  readonly openSsh: SshServer;
  readonly dropbear: SshServer;
  readonly #notSsh: Server;

  private constructor(
    parts: Pick<TerminalStage, 'server' | 'alice' | 'openSsh' | 'dropbear'> & { notSsh: Server },
  ) {
    this.server = parts.server;
    this.alice = parts.alice;
    this.agents = new RealAgents(parts.server, parts.alice);
    this.openSsh = parts.openSsh;
    this.dropbear = parts.dropbear;
    this.#notSsh = parts.notSsh;
  }

  /** `lines`: of the configuration of OpenSSH. */
  static async start(options: TestServerOptions = {}, lines: readonly string[] = []): Promise<TerminalStage> {
    // A browser of a busy machine may need longer for a log-in.
    const limits = { sshLogInMs: 3_600_000, ...options.limits };
    const server = await TestServer.start({ ...options, limits });
    const alice = await server.signedIn('alice');
    const password = isRoot ? devicePassword : null;
    const openSsh = await startOpenSsh('pump', password, lines);
    const dropbear = await startDropbear('pump', password);
    const notSsh = createServer((socket) => socket.on('error', () => {}).end('220 pump FTP ready\r\n'));
    await once(notSsh.listen(0, '127.0.0.1'), 'listening');
    const stage = new TerminalStage({ server, alice, openSsh, dropbear, notSsh });
    await stage.agents.add('pump', 'acme', [
      { port: ports.openSsh, targetPort: openSsh.port, kind: 'ssh' },
      { port: ports.dropbear, targetPort: dropbear.port, kind: 'tcp' },
      { port: ports.nothing, targetPort: await reservedPort(), kind: 'tcp' },
      { port: ports.notSsh, targetPort: (notSsh.address() as { readonly port: number }).port, kind: 'tcp' },
    ]);
    return stage;
  }

  get base(): string {
    return `http://localhost:${this.server.reflector.port}`;
  }

  serverAt(port: number): SshServer {
    return port === ports.openSsh ? this.openSsh : this.dropbear;
  }

  /** The SSH host key that the server remembers for a port of `pump`. */
  async knownKey(port: number): Promise<string | undefined> {
    const { body } = await this.alice.get('/devices/pump/host-keys');
    const { items } = body as { readonly items: readonly { readonly port: number; readonly key: string }[] };
    return items.find((one) => one.port === port)?.key;
  }

  async forgetKey(port: number): Promise<void> {
    await this.alice.call('DELETE', `/devices/pump/host-keys/${port}`, undefined, { 'if-match': '*' });
  }

  async close(): Promise<void> {
    this.agents.close();
    await this.server.close();
    await this.openSsh.stop();
    await this.dropbear.stop();
    this.#notSsh.close();
  }
}
