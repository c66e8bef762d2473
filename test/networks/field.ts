import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { endProcess } from '../system/end-process.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { run } from '../system/rm-client.ts';
import type { Disturbance } from './disturbances.ts';
import { addresses, Lab } from './lab.ts';

export const servicePort = 8000;
const proxyPort = 3128;

const serviceCode = `require('node:http').createServer((_, answer) => answer.end('alive'))
  .listen(${servicePort}, '127.0.0.1', () => console.log('listening'))`;

/**
 * Seconds. Short, so that a dead link is noticed within a test; nothing is asserted about them. Shorter, a link would be given up
 * whose other end only gets no time on a busy machine.
 */
const impatient = { timeouts: { connect: 8, keepAlive: 8 }, reconnect: { min: 1, max: 2 } };

/**
 * An hour for everything: what happens sooner, the machine has told the agent to do. The first attempt must not fail, however
 * busy the machine is.
 */
const patient = { timeouts: { connect: 120, keepAlive: 3600 }, reconnect: { min: 3600, max: 3600 } };

export interface FieldOptions {
  readonly proxy: boolean;
  readonly patient?: boolean;
  /** Called before anything runs in the lab. */
  readonly prepare?: (lab: Lab) => void;
  /** The host by which the agent knows the reflector; its address by default. */
  readonly name?: string;
  /** Added to the agent's configuration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** An agent on the lab's device, a reflector on its internet, and a web server on the device. */
export class Field {
  readonly lab: Lab;
  readonly #system: RemoteSystem;
  readonly agent: AgentProcess;
  readonly #directory: string;
  /** What is to be undone at the end, the last first. */
  readonly #undo: readonly (() => unknown)[];
  #proxy: ChildProcess | null;

  private constructor(
    lab: Lab,
    system: RemoteSystem,
    agent: AgentProcess,
    directory: string,
    proxy: ChildProcess | null,
    undo: readonly (() => unknown)[],
  ) {
    this.lab = lab;
    this.#system = system;
    this.agent = agent;
    this.#directory = directory;
    this.#proxy = proxy;
    this.#undo = undo;
  }

  /** `agent`: its executable with leading arguments. */
  static async start(agent: readonly string[], options: FieldOptions): Promise<Field> {
    const undo: (() => unknown)[] = [];
    try {
      const lab = await Lab.build();
      undo.push(() => lab.destroy());
      options.prepare?.(lab);
      const directory = mkdtempSync(join(tmpdir(), 'rm-field-'));
      undo.push(() => rmSync(directory, { recursive: true, force: true }));
      const service = await started(lab.in('device'), [process.execPath, '-e', serviceCode], /listening/);
      undo.push(() => ended(service));
      const proxy = options.proxy ? await startProxy(lab, directory) : null;
      undo.push(() => ended(proxy));
      const system = await RemoteSystem.start({
        services: [{ port: servicePort, kind: 'http' }],
        agent: [...lab.in('device'), ...agent],
        place: { command: lab.in('internet'), address: addresses.internet },
        ...(options.name === undefined ? {} : { name: options.name }),
        configuration: {
          ...(options.patient ? patient : impatient),
          ...(options.proxy ? { proxy: `http://${addresses.routerInside}:${proxyPort}` } : {}),
          log: { level: 'debug' },
          ...options.configuration,
        },
      });
      undo.push(() => system.stop());
      if (!system.agent) throw new Error('no agent');
      const header = join(directory, 'authorization');
      writeFileSync(header, `Authorization: ${system.authorization}\n`, { mode: 0o600 });
      return new Field(lab, system, system.agent, directory, proxy, undo);
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  /** What a user on the internet gets from the device's web server, or from another port of it. */
  async ask(port = servicePort): Promise<string> {
    const [command = '', ...words] = this.lab.in('internet');
    const host = `${deviceId}-${port}.localhost:${this.#system.port}`;
    const url = `http://${addresses.internet}:${this.#system.port}/`;
    const header = join(this.#directory, 'authorization');
    const curl = ['curl', '-sS', '--max-time', '240', '-H', `Host: ${host}`, '-H', `@${header}`, url];
    const outcome = await run(command, [...words, ...curl]);
    return outcome.errors + outcome.output;
  }

  /** Lets it happen, waits until the agent has noticed and is back. Gives the milliseconds that the way back took. */
  async suffer({
    happen,
    mend,
  }: Disturbance): Promise<{ readonly noticedMs: number; readonly backMs: number }> {
    const seen = this.agent.log.length;
    const happened = performance.now();
    await happen(this.lab);
    await this.agent.logged(/disconnected/, seen);
    const noticed = performance.now();
    // While it lasts, the agent has to try at least once in vain.
    if (mend) {
      await this.agent.logged(/not connected/, seen);
      await mend(this.lab);
    }
    const mended = performance.now();
    await this.agent.logged(/ connected to/, seen);
    return { noticedMs: noticed - happened, backMs: performance.now() - mended };
  }

  async stopProxy(): Promise<void> {
    await ended(this.#proxy);
    this.#proxy = null;
  }

  async startProxy(): Promise<void> {
    this.#proxy = await startProxy(this.lab, this.#directory);
  }

  async stop(): Promise<void> {
    await ended(this.#proxy);
    for (const step of [...this.#undo].reverse()) await step();
  }
}

/** Debian's tinyproxy, on the router. */
async function startProxy(lab: Lab, directory: string): Promise<ChildProcess> {
  const file = join(directory, 'tinyproxy.conf');
  const lines = [`Port ${proxyPort}`, `Listen ${addresses.routerInside}`, 'Timeout 600', 'LogLevel Info'];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return started(lab.in('router'), ['tinyproxy', '-d', '-c', file], /Accepting connections|Initializ/);
}

/** Starts a program, and waits for a word of it. */
async function started(
  [command = '', ...words]: readonly string[],
  program: readonly string[],
  pattern: RegExp,
): Promise<ChildProcess> {
  const child = spawn(command, [...words, ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  while (!pattern.test(output)) {
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
    if (child.exitCode !== null) throw new Error(`${program.join(' ')} ended: ${output}`);
  }
  return child;
}

async function ended(child: ChildProcess | null): Promise<void> {
  if (child) await endProcess(child);
}
