import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect } from 'vitest';
import type { Certificate } from '../../certificates/authority.ts';
import { AgentProcess, executable } from './agent-process.ts';
import { lacks } from './features.ts';
import { HttpProxy } from './http-proxy.ts';
import { LocalService, SilentPort } from './local-service.ts';
import { OpensslServer } from './openssl-server.ts';
import { Reflector } from './reflector.ts';
import { SocksProxy } from './socks-proxy.ts';

export const deviceId = '11111111-2222-3333-4444-555555555555';
export const domain = '00000000-0000-0000-0000-00000000000a';

export type Configuration = Record<string, unknown>;

/** All that one scenario starts; it ends with the scenario. */
export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'rm-scenario-'));
  readonly #agents: AgentProcess[] = [];
  readonly #endings: (() => void | Promise<void>)[] = [];
  readonly #skip: (why: string) => void;
  #files = 0;

  /** `skip` ends a scenario that needs what the executable has not got; without it, that is a failure. */
  constructor(skip?: (why: string) => void) {
    this.#skip = skip ?? expect.unreachable;
  }

  /** Runs this when the scenario ends. */
  ends(ending: () => void | Promise<void>): void {
    this.#endings.push(ending);
  }

  async reflector(tls?: ServerOptions, port?: number, address?: string): Promise<Reflector> {
    this.#needTls(tls);
    const reflector = await Reflector.start(tls, port, address);
    this.#endings.push(() => reflector.stop());
    return reflector;
  }

  async httpProxy(tls?: ServerOptions): Promise<HttpProxy> {
    this.#needTls(tls);
    const proxy = await HttpProxy.start(tls);
    this.#endings.push(() => proxy.stop());
    return proxy;
  }

  async opensslServer(certificate: Certificate, args: readonly string[]): Promise<OpensslServer> {
    this.#needTls(certificate);
    const server = await OpensslServer.start(certificate, args);
    this.#endings.push(() => server.stop());
    return server;
  }

  async socksProxy(login?: string): Promise<SocksProxy> {
    const proxy = await SocksProxy.start(login);
    this.#endings.push(() => proxy.stop());
    return proxy;
  }

  async service(start: () => Promise<LocalService> = LocalService.start): Promise<LocalService> {
    const service = await start();
    this.#endings.push(() => service.stop());
    return service;
  }

  async silentPort(): Promise<SilentPort> {
    const silent = await SilentPort.start();
    this.#endings.push(() => silent.stop());
    return silent;
  }

  /** Writes a file that only the agent may read, whole at once, and returns its path. */
  file(content: string | Uint8Array, name = `file-${++this.#files}`): string {
    const path = join(this.directory, name);
    writeFileSync(`${path}.new`, content, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return path;
  }

  /** Writes a file into a directory of the stage, which is made if need be; whole at once. */
  directoryWith(directory: string, name: string, content: string | Uint8Array): void {
    mkdirSync(directory, { recursive: true });
    renameSync(this.file(content), join(directory, name));
  }

  /** Starts the executable under test, or another, with any arguments; `stderr` names a file that takes its log. */
  run(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    command = executable,
    stderr: string | null = null,
  ): AgentProcess {
    const agent = AgentProcess.start(args, environment, command, stderr);
    this.#agents.push(agent);
    return agent;
  }

  /** Ends with the stage, too. */
  adopt(agent: AgentProcess): AgentProcess {
    this.#agents.push(agent);
    return agent;
  }

  /** Starts an agent of this configuration. */
  agent(configuration: Configuration, environment: Readonly<Record<string, string>> = {}): AgentProcess {
    const file = this.file(JSON.stringify(configuration), `rm-agent-${++this.#files}.json`);
    return this.run(['--config', file], environment);
  }

  #needTls(tls: object | undefined): void {
    if (tls && lacks('tls')) this.#skip('built without TLS');
  }

  /** Ends everything. An agent that still runs must end as asked, which also lets a memory checker report. */
  async end(): Promise<void> {
    const running = this.#agents.filter((agent) => !agent.exit);
    for (const agent of running) agent.signal('SIGTERM');
    for (const ending of this.#endings) await ending();
    try {
      for (const agent of running) expect((await agent.ended()).status, agent.log.join('\n')).toBe(0);
    } finally {
      for (const agent of this.#agents) agent.signal('SIGKILL');
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

/** The least configuration towards a reflector, with times as short as the schema allows. */
export function configuration(
  reflector: Reflector | string,
  ports: readonly number[] = [],
  more: Configuration = {},
): Configuration {
  return {
    reflector: typeof reflector === 'string' ? reflector : reflector.uri,
    device: { id: deviceId, domain, password: 's3cret' },
    services: ports.map((port) => ({ port, kind: 'tcp' })),
    reconnect: { min: 1, max: 1 },
    // A busy machine is no fault of the reflector; a scenario that waits for this limit sets its own.
    timeouts: { connect: 120 },
    control: null,
    stateFile: null,
    ...more,
  };
}

/** A scenario: a test with a {@link Stage} of its own. */
export const scenario = base.extend<{ stage: Stage }>({
  stage: async ({ skip }, use) => {
    const stage = new Stage(skip);
    await use(stage);
    await stage.end();
  },
});
