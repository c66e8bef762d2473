import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { within } from '../scenarios/stage/wait.ts';
import { ClientTunnel } from '../system/client-tunnel.ts';
import type { RemoteSystem } from '../system/remote-system.ts';
import { digestOf, patternOf, type SoakServices } from './services.ts';

/** What was done, by name. */
export type Tally = Map<string, number>;

/** Users of all kinds at once. Each thing that one does must come out right, or it throws. */
export class Traffic {
  readonly #system: RemoteSystem;
  readonly #services: SoakServices;
  readonly #random: () => number;
  readonly #tally: Tally;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });

  /** `random`: uniform in [0, 1). */
  constructor(system: RemoteSystem, services: SoakServices, random: () => number, tally: Tally) {
    this.#system = system;
    this.#services = services;
    this.#random = random;
    this.#tally = tally;
  }

  /** `users` at once, until `over` says so; then all that was begun has ended. */
  async run(users: number, over: () => boolean): Promise<void> {
    const kinds = [
      this.#fetch,
      this.#upload,
      this.#abortUpload,
      this.#abortDownload,
      this.#converse,
      this.#stallAsUser,
      this.#stallAtDevice,
    ];
    const user = async () => {
      while (!over()) {
        const kind = kinds[Math.floor(this.#random() * kinds.length)] ?? this.#fetch;
        const name = kind.name.slice(1);
        await within(kind.call(this), name);
        this.#tally.set(name, (this.#tally.get(name) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: users }, user));
    this.#agent.destroy();
  }

  #length(most: number): number {
    return Math.floor(this.#random() ** 3 * most);
  }

  #ask(method: string, path: string, length?: number): ClientRequest {
    return request({
      host: '127.0.0.1',
      port: this.#system.port,
      agent: this.#agent,
      method,
      path,
      headers: {
        Host: this.#system.host,
        Authorization: this.#system.authorization,
        ...(length === undefined ? {} : { 'Content-Length': length }),
      },
    });
  }

  async #answer(asked: ClientRequest): Promise<IncomingMessage> {
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await text(response)}`);
    return response;
  }

  #tunnel(port: number): Promise<ClientTunnel> {
    return ClientTunnel.open(this.#system, { port, extension: this.#random() < 0.5 });
  }

  async #fetch(): Promise<void> {
    const length = this.#length(1 << 20);
    const response = await this.#answer(this.#ask('GET', `/${length}`).end());
    if (!(await buffer(response)).equals(patternOf(length)))
      throw new Error(`GET of ${length} bytes differs`);
  }

  async #upload(): Promise<void> {
    const bytes = patternOf(this.#length(1 << 20));
    const response = await this.#answer(this.#ask('POST', '/', bytes.length).end(bytes));
    if ((await text(response)) !== digestOf(bytes)) throw new Error(`POST of ${bytes.length} bytes differs`);
  }

  async #abortUpload(): Promise<void> {
    const asked = this.#ask('POST', '/', 1 << 24);
    asked.on('error', () => {});
    asked.write(patternOf(1 + this.#length(1 << 18)));
    await this.#fetch();
    asked.destroy();
  }

  async #abortDownload(): Promise<void> {
    const asked = this.#ask('GET', `/${1 << 20}`).end();
    const response = await this.#answer(asked);
    response.on('error', () => {});
    await once(response, 'data');
    asked.destroy();
  }

  /** Short lines to and fro, as a shell has them. */
  async #converse(): Promise<void> {
    const tunnel = await this.#tunnel(this.#services.echo);
    tunnel.setEncoding('utf8');
    // An iterator keeps what comes between two turns; a listener that is put on anew each time would miss it.
    const chunks = tunnel[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
    for (let line = 0; line < 20; line++) {
      const sent = `line ${line}\n`;
      tunnel.write(sent);
      let received = '';
      while (received.length < sent.length) {
        const { value, done } = await chunks.next();
        if (done) throw new Error(`the connection ended in line ${line}`);
        received += value;
      }
      if (received !== sent) throw new Error(`sent ${JSON.stringify(sent)}, got ${JSON.stringify(received)}`);
    }
    tunnel.destroy();
  }

  /** Reads nothing of what comes without an end, while others go on. */
  async #stallAsUser(): Promise<void> {
    const tunnel = await this.#tunnel(this.#services.source);
    tunnel.on('error', () => {});
    await once(tunnel, 'readable');
    await this.#fetch();
    tunnel.destroy();
  }

  /** Sends more than the device's service takes, while others go on. */
  async #stallAtDevice(): Promise<void> {
    const tunnel = await this.#tunnel(this.#services.stubborn);
    tunnel.on('error', () => {});
    for (let block = 0; block < 64; block++) tunnel.write(patternOf(1 << 16));
    await this.#fetch();
    tunnel.destroy();
  }
}
