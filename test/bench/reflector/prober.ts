import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import type { FleetFacts } from './light-device.ts';

export interface Probed {
  /** Of each request that was answered, in ascending order. */
  readonly ms: readonly number[];
  readonly failed: number;
}

/** A user, logged in by a token, who asks one device for something again and again. */
export class Prober {
  readonly #facts: Pick<FleetFacts, 'port' | 'tls'>;
  readonly #device: string;
  readonly #token: string;

  private constructor(facts: Pick<FleetFacts, 'port' | 'tls'>, device: string, token: string) {
    this.#facts = facts;
    this.#device = device;
    this.#token = token;
  }

  static async open(
    facts: Pick<FleetFacts, 'port' | 'tls'>,
    device: string,
    user: { readonly name: string; readonly password: string },
  ): Promise<Prober> {
    const form = new URLSearchParams({ username: user.name, password: user.password, application: 'bench' });
    const own = new Prober(facts, device, '');
    const agent = own.#agent();
    const answer = await own.#ask(agent, 'localhost', '/my-devices/api/token', form.toString());
    agent.destroy();
    return new Prober(facts, device, (JSON.parse(answer.body) as { token: string }).token);
  }

  /** Asks the device until `end` is there; whatever is not `body` has failed. */
  until(end: Promise<unknown>, path: string, body: string): Promise<Probed> {
    return this.#until(end, `${this.#device}.localhost`, path, 5, (answered) => answered === body);
  }

  /** The same for the API of the server, ten times a second, which its limit of calls allows; `isRight`: of the body. */
  untilOfServer(end: Promise<unknown>, path: string, isRight: (body: string) => boolean): Promise<Probed> {
    return this.#until(end, 'localhost', path, 100, isRight);
  }

  async #until(
    end: Promise<unknown>,
    host: string,
    path: string,
    pauseMs: number,
    isRight: (body: string) => boolean,
  ): Promise<Probed> {
    const ms: number[] = [];
    let failed = 0;
    let ended = false;
    void end.then(() => {
      ended = true;
    });
    const agent = this.#agent();
    while (!ended) {
      const asked = performance.now();
      const answer = await this.#ask(agent, host, path, null).catch(() => null);
      if (answer?.status === 200 && isRight(answer.body)) ms.push(performance.now() - asked);
      else failed++;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    agent.destroy();
    return { ms: ms.sort((a, b) => a - b), failed };
  }

  #agent(): Agent {
    // As browsers and curl offer it.
    const options = { keepAlive: true, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
    return this.#facts.tls ? new TlsAgent(options) : new Agent(options);
  }

  #ask(
    agent: Agent,
    host: string,
    path: string,
    form: string | null,
  ): Promise<{ readonly status: number; readonly body: string }> {
    const { port, tls } = this.#facts;
    return new Promise((resolve, reject) => {
      const asking = (tls ? httpsRequest : httpRequest)(
        {
          agent,
          host: '127.0.0.1',
          port,
          path,
          method: form === null ? 'GET' : 'POST',
          headers: {
            Host: `${host}:${port}`,
            ...(form === null
              ? { Authorization: `Bearer ${this.#token}` }
              : {
                  'Content-Type': 'application/x-www-form-urlencoded',
                  'Content-Length': Buffer.byteLength(form),
                }),
          },
        },
        (response) => {
          let body = '';
          response.setEncoding('latin1');
          response.on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        },
      );
      asking.on('error', reject);
      asking.end(form ?? undefined);
    });
  }
}
