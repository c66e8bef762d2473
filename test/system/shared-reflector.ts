import type { Browser } from 'playwright-core';
import { Agent } from 'rm-agent';
import { deviceSecrets, hashPassword, Installation, type Reflector, startReflector } from 'rm-reflector';
import { Authority } from '../certificates/authority.ts';
import { within } from '../scenarios/stage/wait.ts';
import { startChromium } from './chromium.ts';
import { RecordingDevice } from './recording-device.ts';

export interface SharedOptions {
  readonly tls: boolean;
  /** `localhost`, or a name that ends in `.test`; with TLS `reflector.test`, otherwise `localhost`. */
  readonly domain?: string;
  /** Second host name, for access by cookie. */
  readonly cookieHost?: string;
}

/** One reflector in this process, several devices behind it, and a browser that finds them. */
export class SharedReflector {
  readonly user = 'operator';
  readonly password = 'correct horse battery';
  readonly domain: string;
  readonly reflector: Reflector;
  readonly browser: Browser;
  readonly #scheme: string;
  readonly #authority: Authority | null;
  readonly #agents: Agent[] = [];
  readonly #devices: RecordingDevice[] = [];

  private constructor(domain: string, reflector: Reflector, browser: Browser, authority: Authority | null) {
    this.domain = domain;
    this.reflector = reflector;
    this.browser = browser;
    this.#scheme = authority ? 'https' : 'http';
    this.#authority = authority;
  }

  static async start(options: SharedOptions): Promise<SharedReflector> {
    const { tls, domain = tls ? 'reflector.test' : 'localhost', cookieHost } = options;
    const authority = tls ? new Authority() : null;
    const names = `DNS:${domain},DNS:*.${domain},IP:127.0.0.1`;
    const certificate = authority?.issue({ names });
    const reflector = await startReflector({
      domain,
      ...(certificate && { tls: { cert: certificate.certFile, key: certificate.keyFile } }),
      ...(cookieHost !== undefined && { cookieHost }),
    });
    const browser = await startChromium([`--host-resolver-rules=MAP *.test 127.0.0.1`]);
    const shared = new SharedReflector(domain, reflector, browser, authority);
    await reflector.store.users.add(
      shared.user,
      await hashPassword(shared.password),
      Date.now(),
      'administrator',
    );
    return shared;
  }

  /** `https://<host>:<port>`; without a label that of the reflector itself. */
  origin(label?: string): string {
    return this.at(label === undefined ? this.domain : `${label}.${this.domain}`);
  }

  at(host: string): string {
    return `${this.#scheme}://${host}:${this.reflector.port}`;
  }

  /** A device on line. */
  async device(id: string, password = 'device password'): Promise<RecordingDevice> {
    const device = await RecordingDevice.start();
    this.#devices.push(device);
    const { store } = this.reflector;
    const domain = await new Installation(store).domain();
    await store.devices.add(
      { id, domain, secrets: await deviceSecrets(id, domain, password, false) },
      Date.now(),
      null,
    );
    const agent = new Agent({
      reflector: `${this.at('127.0.0.1')}/`,
      device: { id, domain, password },
      services: [{ port: device.port, kind: 'http' }],
      ...(this.#authority && { tls: { ca: this.#authority.file } }),
    });
    this.#agents.push(agent);
    const connected = new Promise((resolve) => agent.on('connected', resolve));
    agent.start();
    await within(connected, `device ${id} to connect`);
    return device;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    for (const agent of this.#agents) await agent.stop();
    for (const device of this.#devices) await device.stop();
    await this.reflector.close();
    this.#authority?.remove();
  }
}
