import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  deviceSecrets,
  hashPassword,
  Installation,
  type Reflector,
  type ReflectorOptions,
  startReflector,
} from 'rm-reflector';
import { Forwarding, ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { TestCommand } from './test-command.ts';

export const user = 'alice';
export const password = 'wonderland';

/** Ports of the device, served inside the process. */
export const ports = { echo: 7, digest: 13, breaking: 9, idle: 11, vnc: 5901, ssh: 2222 };

type ServedPort = readonly [port: number, serve: (socket: Socket) => void];

const services: readonly ServedPort[] = [
  [ports.echo, (socket) => socket.pipe(socket)],
  [ports.digest, answerDigest],
  [ports.breaking, (socket) => socket.once('data', () => socket.resetAndDestroy())],
  [ports.idle, (socket) => socket.on('end', () => socket.end())],
  [ports.vnc, (socket) => socket.end('RFB 003.008\n')],
  [ports.ssh, (socket) => socket.end('SSH-2.0-test\r\n')],
];

/** A reflector and a scripted agent with a device `pump-7`; another device, `pump-8`, is off line. */
export class Stage {
  readonly reflector: Reflector;
  readonly folder: string;
  /** The application's ends of the connections to the device. */
  readonly streams: Socket[];
  readonly #agent: ScriptedAgent;
  readonly #servers: readonly Server[];

  private constructor(
    reflector: Reflector,
    agent: ScriptedAgent,
    servers: readonly Server[],
    folder: string,
    streams: Socket[],
  ) {
    this.reflector = reflector;
    this.#agent = agent;
    this.#servers = servers;
    this.folder = folder;
    this.streams = streams;
  }

  /** `more` are further ports of the device. */
  static async open(options: ReflectorOptions = {}, more: readonly ServedPort[] = []): Promise<Stage> {
    const reflector = await startReflector(options);
    const { store } = reflector;
    const domain = await new Installation(store).domain();
    const secrets = await deviceSecrets('pump-7', domain, 'secret', false);
    await store.devices.add({ id: 'pump-7', domain, secrets }, 0, null);
    await store.devices.add({ id: 'pump-8', domain, secrets }, 0, null);
    await store.users.add(user, await hashPassword(password), 0, 'administrator');
    const streams: Socket[] = [];
    const servers: Server[] = [];
    const targets = new Map<number, number>();
    for (const [port, serve] of [...services, ...more]) {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        streams.push(socket);
        socket.on('error', () => {});
        serve(socket);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      targets.set(port, (server.address() as AddressInfo).port);
    }
    // Port 1 of the loopback interface: nobody listens there.
    targets.set(1, 1);
    const agent = await ScriptedAgent.connect(reflector.port, {
      id: 'pump-7',
      domain,
      password: 'secret',
      extensions: 'max-frame=65536, window=262144',
      properties: [
        { name: 'targetPorts', value: [...targets.keys()].join(', ') },
        { name: 'sshPort', value: String(ports.ssh) },
        { name: 'vncPort', value: String(ports.vnc) },
        { name: 'name', value: 'Pump 7' },
        { name: 'version', value: '1.4' },
      ],
    });
    new Forwarding(agent, targets);
    return new Stage(reflector, agent, servers, mkdtempSync(join(tmpdir(), 'rm-client-')), streams);
  }

  /** A process whose environment knows the reflector, and has no log-in. */
  command(environment: Record<string, string> = {}): TestCommand {
    return new TestCommand({
      RM_REFLECTOR: this.reflector.url,
      XDG_CONFIG_HOME: this.folder,
      ...environment,
    });
  }

  /** The same with the user's password. */
  get loggedIn(): TestCommand {
    return this.command({ RM_USER: user, RM_PASSWORD: password });
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.reflector.close();
    for (const server of this.#servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Answers only after the end of the request: nothing comes of it without a half-close. */
function answerDigest(stream: Socket): void {
  const hash = createHash('sha256');
  stream.on('data', (bytes: Buffer) => hash.update(bytes));
  stream.on('end', () => stream.end(hash.digest('hex')));
}
