import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Agent } from 'rm-agent';
import {
  deviceSecrets,
  hashPassword,
  type Reflector,
  type ReflectorOptions,
  startReflector,
} from 'rm-reflector';
import { TestCommand } from './test-command.ts';

export const user = 'alice';
export const password = 'wonderland';

/** Ports of the device, served inside the process. */
export const ports = { echo: 7, digest: 13, breaking: 9, idle: 11, vnc: 5901, ssh: 2222 };

/** A reflector and a real agent with a device `pump-7`; another device, `pump-8`, is off line. */
export class Stage {
  readonly reflector: Reflector;
  readonly folder: string;
  /** The application's ends of the connections to the device. */
  readonly streams: Duplex[];
  readonly #agent: Agent;

  private constructor(reflector: Reflector, agent: Agent, folder: string, streams: Duplex[]) {
    this.reflector = reflector;
    this.#agent = agent;
    this.folder = folder;
    this.streams = streams;
  }

  static async open(options: ReflectorOptions = {}): Promise<Stage> {
    const reflector = await startReflector(options);
    const { store } = reflector;
    const domain = store.domain();
    const secrets = await deviceSecrets('pump-7', domain, 'secret', false);
    store.devices.add('pump-7', domain, secrets, 0);
    store.devices.add('pump-8', domain, secrets, 0);
    store.users.add(user, await hashPassword(password), 0, 'administrator');
    const streams: Duplex[] = [];
    const kept = (serve: (stream: Duplex) => void) => (stream: Duplex) => {
      streams.push(stream);
      serve(stream);
    };
    const agent = new Agent({
      reflector: `http://127.0.0.1:${reflector.port}/`,
      device: { id: 'pump-7', domain, password: 'secret', name: 'Pump 7', version: '1.4' },
      services: [
        { port: ports.echo, handler: kept((stream) => stream.pipe(stream)) },
        { port: ports.digest, handler: kept(answerDigest) },
        { port: ports.breaking, handler: kept((stream) => stream.once('data', () => stream.destroy())) },
        { port: ports.idle, handler: kept(() => {}) },
        { port: ports.vnc, kind: 'vnc', handler: kept((stream) => stream.end('RFB 003.008\n')) },
        { port: ports.ssh, kind: 'ssh', handler: kept((stream) => stream.end('SSH-2.0-test\r\n')) },
        // Port 1 of the loopback interface: nobody listens there.
        { port: 1 },
      ],
    });
    const connected = new Promise<void>((resolve) => agent.on('connected', () => resolve()));
    agent.start();
    await connected;
    return new Stage(reflector, agent, mkdtempSync(join(tmpdir(), 'rm-client-')), streams);
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
    await this.#agent.stop();
    await this.reflector.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Answers only after the end of the request: nothing comes of it without a half-close. */
function answerDigest(stream: Duplex): void {
  const hash = createHash('sha256');
  stream.on('data', (bytes: Buffer) => hash.update(bytes));
  stream.on('end', () => stream.end(hash.digest('hex')));
}
