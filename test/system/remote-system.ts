import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { within } from '../scenarios/stage/wait.ts';
import { endProcess } from './end-process.ts';

const reflectorProgram = join(root, 'reflector-minimal/dist/main.js');

export const deviceId = 'device-1';

export interface SystemOptions {
  readonly services: readonly { readonly port: number; readonly kind?: string }[];
  /** The agent's executable with leading arguments; without it `RM_AGENT`. `null`: the test brings its own agent. */
  readonly agent?: readonly string[] | null;
  /** Further options of `rm-reflector serve`. */
  readonly reflector?: readonly string[];
  /** Options of the reflector's Node. */
  readonly node?: readonly string[];
  /** Words to put before the reflector's command, which run it elsewhere, and the address it has there. */
  readonly place?: { readonly command: readonly string[]; readonly address: string };
  /** The host in the agent's URI of the reflector, in the place of its address. */
  readonly name?: string;
  /** Opens a detour to the port of the reflector, for the agent; gives its port. */
  readonly way?: (port: number) => Promise<number>;
  /** Added to the agent's configuration, or in the place of what it has. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** The real thing on this machine: reflector and agent as processes of their own, with one device and one user. */
export class RemoteSystem {
  readonly port: number;
  /** URL of the device, without a slash at its end. */
  readonly url: string;
  readonly host: string;
  readonly user = 'operator';
  readonly password = 'operator password';
  readonly devicePassword = 'device password';
  readonly domain: string;
  readonly directory: string;
  readonly reflector: ChildProcess;
  readonly agent: AgentProcess | null;
  /** From the start of the agent until it was connected, in milliseconds. */
  readonly connectMs: number;

  private constructor(
    port: number,
    domain: string,
    directory: string,
    reflector: ChildProcess,
    agent: AgentProcess | null,
    connectMs: number,
  ) {
    this.connectMs = connectMs;
    this.port = port;
    this.domain = domain;
    this.directory = directory;
    this.reflector = reflector;
    this.agent = agent;
    this.host = `${deviceId}.localhost:${port}`;
    this.url = `http://${this.host}`;
  }

  static async start(options: SystemOptions): Promise<RemoteSystem> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-system-'));
    const data = join(directory, 'reflector.sqlite');
    const { content, domain } = dataFile();
    writeFileSync(data, content, { mode: 0o600 });
    writeFileSync(join(directory, 'device'), 'device password\n', { mode: 0o600 });

    const address = options.place?.address ?? '127.0.0.1';
    const args = [
      '--listen',
      `${address}:0`,
      '--data',
      data,
      '--log-level',
      'warn',
      ...(options.reflector ?? []),
    ];
    const [command = '', ...words] = [
      ...(options.place?.command ?? []),
      ...[process.execPath, ...(options.node ?? []), reflectorProgram, 'serve', ...args],
    ];
    const reflector = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let agent: AgentProcess | null = null;
    try {
      const [line] = (await within(once(reflector.stdout, 'data'), 'the reflector to listen')) as [Buffer];
      const port = Number(/:(\d+)\/?$/m.exec(line.toString().trim())?.[1]);
      const started = performance.now();
      if (options.agent !== null) {
        const configuration = {
          reflector: `http://${options.name ?? address}:${(await options.way?.(port)) ?? port}/`,
          device: { id: deviceId, domain, password: { file: join(directory, 'device') } },
          services: options.services,
          control: null,
          stateFile: null,
          ...options.configuration,
        };
        const file = join(directory, 'rm-agent.json');
        writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
        agent = AgentProcess.start(['--config', file], {}, options.agent);
        await agent.logged(/connected to/);
      }
      return new RemoteSystem(port, domain, directory, reflector, agent, performance.now() - started);
    } catch (error) {
      // Nothing of a system that has not come about is to go on.
      agent?.signal('SIGKILL');
      reflector.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** The user's `Authorization` header. */
  get authorization(): string {
    return `Basic ${Buffer.from(`${this.user}:${this.password}`).toString('base64')}`;
  }

  async stop(): Promise<void> {
    this.agent?.signal('SIGTERM');
    await this.agent?.ended();
    await within(endProcess(this.reflector), 'the reflector to end');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface DataFile {
  readonly content: Buffer;
  readonly domain: string;
}

/** Made once for each test file, because the commands take longer than the reflector takes to start. */
let made: DataFile | undefined;

/** A data file with the user and the device. */
function dataFile(): DataFile {
  if (made) return made;
  const directory = mkdtempSync(join(tmpdir(), 'rm-data-'));
  try {
    const data = join(directory, 'reflector.sqlite');
    const add = (name: string, text: string, ...words: string[]) => {
      const file = join(directory, name);
      writeFileSync(file, `${text}\n`, { mode: 0o600 });
      return administer(...words, '--data', data, '--password-file', file);
    };
    add('user', 'operator password', 'user', 'add', 'operator', '--admin');
    const domain = domainIn(add('device', 'device password', 'device', 'add', deviceId));
    made = { content: readFileSync(data), domain };
    return made;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Another device, with a password of its own in a file. */
export function addDevice(
  { directory }: Pick<RemoteSystem, 'directory'>,
  id: string,
): { readonly domain: string; readonly secretFile: string } {
  const secretFile = join(directory, `${id}.secret`);
  writeFileSync(secretFile, `password of ${id}\n`, { mode: 0o600 });
  const data = join(directory, 'reflector.sqlite');
  const added = administer('device', 'add', id, '--data', data, '--password-file', secretFile);
  return { domain: domainIn(added), secretFile };
}

/** The domain in the configuration that `device add` prints. */
function domainIn(printed: string): string {
  return /"domain": "(.+)"/.exec(printed)?.[1] ?? '';
}

function administer(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [reflectorProgram, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`rm-reflector ${args.join(' ')}: ${stderr}`);
  return stdout;
}
