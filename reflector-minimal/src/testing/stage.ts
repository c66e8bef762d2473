import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { hashPassword } from '../passwords/scrypt.ts';
import { type Reflector, type ReflectorOptions, startReflector } from '../reflector.ts';
import { type AgentOptions, Forwarding, ScriptedAgent } from './scripted-agent.ts';

export const domain = '00000000-0000-0000-0000-0000000000aa';
export const device = { id: 'dev1', domain, password: 's3cret' } as const;
export const user = { name: 'alice', password: 'wonderland' } as const;
export const authorization = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
/** What our own agent announces. */
export const extensions = 'max-frame=65536, window=262144';

// scrypt is slow on purpose: once for all tests of a file.
const secrets = deviceSecrets(device.id, domain, device.password, false);
const userHash = hashPassword(user.password);

/** Everything a test has started, ended in reverse order by `close`. */
export class Stage {
  readonly reflector: Reflector;
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(reflector: Reflector) {
    this.reflector = reflector;
  }

  /** A reflector with one device and one user. */
  static async open(options: ReflectorOptions = {}): Promise<Stage> {
    const reflector = await startReflector(options);
    await reflector.store.devices.add({ id: device.id, domain, secrets: await secrets }, 0, null);
    await reflector.store.users.add(user.name, await userHash, 0, 'administrator');
    return new Stage(reflector);
  }

  get port(): number {
    return this.reflector.port;
  }

  /** Another device, with domain and password of the first. */
  async addDevice(id: string): Promise<void> {
    const { devices } = this.reflector.store;
    const first = await devices.get(device.id);
    if (!first) throw new Error('the first device is gone');
    const { password, digestSha256, digestMd5 } = first;
    await devices.add({ id, domain, secrets: { password, digestSha256, digestMd5 } }, 0, null);
  }

  /** The device, with every answer left to the test. */
  async agent(options: Partial<AgentOptions> = {}): Promise<ScriptedAgent> {
    const agent = await ScriptedAgent.connect(this.port, { ...device, ...options });
    this.#closers.push(async () => agent.destroy());
    return agent;
  }

  /** The device, forwarding to a web server of this machine that answers with `listener`. */
  async web(
    listener: RequestListener,
    options: Partial<AgentOptions> = { extensions },
  ): Promise<{ agent: ScriptedAgent; forwarding: Forwarding; server: Server; port: number }> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#closers.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const properties = [
      { name: 'targetPorts', value: `22, ${port}` },
      { name: 'httpPort', value: String(port) },
    ];
    const agent = await this.agent({ properties, ...options });
    return { agent, forwarding: new Forwarding(agent, [port]), server, port };
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.reverse()) await closer();
    await this.reflector.close();
  }
}
