import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../certificates/authority.ts';
import { root } from '../checkout.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { within } from '../scenarios/stage/wait.ts';
import { endProcess } from '../system/end-process.ts';
import { PostgresqlServer } from '../system/postgresql-server.ts';
import { run } from '../system/rm-client.ts';
import { ClusterLab, databaseAddress, machines, type NodeName } from './cluster-lab.ts';

const program = join(root, 'server/dist/main.js');
const port = 8080;
const servicePort = 8000;
const domain = 'remote.test';

export const nodeNames = ['a', 'b', 'c'] as const;
export const deviceNames = ['device-1', 'device-2'] as const;
export type DeviceName = (typeof deviceNames)[number];

/** Tells which device it is, and on `/stream` again and again, for ever. */
const serviceCode = (name: string) => `require('node:http').createServer((asked, answer) => {
  if (asked.url !== '/stream') return answer.end('${name}');
  answer.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const timer = setInterval(() => answer.write('data: ${name}\\n\\n'), 200);
  answer.on('close', () => clearInterval(timer));
}).listen(${servicePort}, '127.0.0.1', () => console.log('listening'))`;

/** Three nodes, PostgreSQL with a synchronous replica, HAProxy, and two devices, each in a network namespace of its own. */
export class Cluster {
  readonly lab: ClusterLab;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rm-cluster-'));
  readonly #undo: (() => unknown)[] = [];
  readonly #nodes = new Map<NodeName, ChildProcess>();
  readonly agents = new Map<DeviceName, AgentProcess>();
  #authority = new Authority();
  #primary: PostgresqlServer | null = null;
  #replica: PostgresqlServer | null = null;
  /** Of both, the one that takes changes. */
  #current: PostgresqlServer | null = null;
  #way: ChildProcess | null = null;
  #passwords = 0;

  private constructor(lab: ClusterLab) {
    this.lab = lab;
    this.#undo.push(
      () => lab.destroy(),
      () => rmSync(this.#folder, { recursive: true, force: true }),
      () => this.#authority.remove(),
    );
  }

  static async start(): Promise<Cluster> {
    const cluster = new Cluster(await ClusterLab.build());
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const agent of this.agents.values()) agent.signal('SIGKILL');
    for (const node of this.#nodes.values()) {
      node.kill('SIGCONT');
      await endProcess(node);
    }
    for (const step of this.#undo.splice(0).reverse()) await step();
  }

  async #start(): Promise<void> {
    const primary = await PostgresqlServer.start(5432, ['max_connections=200', 'wal_level=replica']);
    this.#primary = primary;
    this.#current = primary;
    this.#undo.push(() => this.#primary?.end());
    const store = ['--store', primary.url()];
    this.#command(['user', 'add', 'alice', '--admin', '--password-file', '-', ...store]);
    for (const name of deviceNames)
      this.#command(['device', 'add', name, '--domain', 'acme', '--password-file', '-', ...store]);
    const replica = await primary.synchronousReplica();
    this.#replica = replica;
    this.#undo.push(() => replica.end());
    this.lab.moveDatabase('primary');
    this.#way = await this.#wayTo('primary', primary);
    this.#undo.push(() => this.#way && endProcess(this.#way));
    await Promise.all(nodeNames.map((name) => this.startNode(name)));
    await this.#startFront();
    await Promise.all(deviceNames.map((name) => this.#startDevice(name)));
  }

  // --- nodes ---

  async startNode(name: NodeName): Promise<void> {
    const { certFile, keyFile } = this.#authority.issue({ names: `DNS:${name}` });
    const file = join(this.#folder, `${name}.json`);
    const configuration = {
      listen: `${machines[name]}:${port}`,
      domain,
      data: join(this.#folder, `${name}.sqlite`),
      store: { url: `postgresql://postgres@${databaseAddress}/postgres`, tls: 'off' },
      node: {
        name,
        listen: `${machines[name]}:7443`,
        tls: { cert: certFile, key: keyFile, ca: this.#authority.file },
      },
      keepAlive: 10,
      logLevel: 'info',
    };
    writeFileSync(file, JSON.stringify(configuration));
    const node = this.#spawn(
      name,
      [process.execPath, program, '--config', file],
      join(this.#folder, `${name}.log`),
    );
    this.#nodes.set(name, node);
    await listening(node, /listens on/, `the node ${name}`).catch((error) => {
      throw new Error(`${error.message}\n${this.logs}`);
    });
  }

  signal(name: NodeName, signal: NodeJS.Signals): void {
    this.#nodes.get(name)?.kill(signal);
  }

  async killNode(name: NodeName): Promise<void> {
    const node = this.#nodes.get(name);
    if (!node) return;
    const ended = once(node, 'exit');
    node.kill('SIGKILL');
    await ended;
  }

  /** For a failure: the end of the log of each node. */
  get logs(): string {
    return nodeNames
      .map((name) => {
        const file = join(this.#folder, `${name}.log`);
        const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
        return `--- ${name}\n${text.split('\n').slice(-15).join('\n')}`;
      })
      .join('\n');
  }

  // --- the database ---

  /** The primary is gone at once; the replica takes its address and goes on. */
  async failOver(): Promise<void> {
    if (!this.#primary || !this.#replica) throw new Error('no replica');
    await this.#primary.crash();
    if (this.#way) await endProcess(this.#way);
    // Nobody replicates what replicated.
    await this.#replica.promote();
    await this.#replica.sql("ALTER SYSTEM SET synchronous_standby_names = ''");
    await this.#replica.sql('SELECT pg_reload_conf()');
    this.#current = this.#replica;
    this.lab.moveDatabase('replica');
    this.#way = await this.#wayTo('replica', this.#replica);
  }

  /** First values of rows, of the database that takes changes. */
  sql(text: string): Promise<string[]> {
    return (this.#current as PostgresqlServer).sql(text);
  }

  /** The servers of the tests are at Unix sockets. */
  async #wayTo(machine: 'primary' | 'replica', server: PostgresqlServer): Promise<ChildProcess> {
    const from = `TCP-LISTEN:5432,bind=${databaseAddress},fork,reuseaddr`;
    const way = this.#spawn(machine, ['socat', '-d', '-d', from, `UNIX-CONNECT:${server.socket}`], 'pipe');
    await listening(way, /listening on/, 'socat', 'stderr');
    return way;
  }

  // --- devices and users ---

  async #startFront(): Promise<void> {
    const file = join(this.#folder, 'haproxy.cfg');
    const servers = nodeNames.map(
      (name) => `  server ${name} ${machines[name]}:${port} check inter 500ms fall 2 rise 1`,
    );
    writeFileSync(
      file,
      `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen nodes
  bind ${machines.front}:80
  balance leastconn
  option httpchk GET /healthz
${servers.join('\n')}
`,
    );
    const front = this.#spawn('front', ['haproxy', '-db', '-f', file], 'ignore');
    this.#undo.push(() => endProcess(front));
  }

  async #startDevice(name: DeviceName): Promise<void> {
    const service = this.#spawn(name, [process.execPath, '-e', serviceCode(name)], 'ignore');
    this.#undo.push(() => endProcess(service));
    await listening(service, /listening/, `the service of ${name}`);
    const file = join(this.#folder, `${name}.json`);
    const configuration = {
      reflector: `http://${machines.front}/`,
      device: { id: name, domain: 'acme', password: secret },
      services: [{ port: servicePort, kind: 'http' }],
      control: null,
      stateFile: null,
      timeouts: { connect: 8, keepAlive: 8 },
      reconnect: { min: 1, max: 2, refusedMax: 2 },
    };
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    const agent = AgentProcess.start(['--config', file], {}, [
      ...this.lab.in(name),
      process.execPath,
      'dist/node/rm-agent.mjs',
    ]);
    this.agents.set(name, agent);
    await agent.logged(/ connected to/);
  }

  /** A user, who sees the domain of the devices. */
  addUser(name: string): void {
    const store = ['--store', (this.#current as PostgresqlServer).url()];
    this.#command(['user', 'add', name, '--password-file', '-', ...store]);
    this.#command(['user', 'grant', name, 'acme', ...store]);
  }

  removeUser(name: string): void {
    this.#command(['user', 'remove', name, '--store', (this.#current as PostgresqlServer).url()]);
  }

  /** What the device answers through this node, or the status of another answer, or what curl says. */
  async ask(node: NodeName, device: DeviceName, user = 'alice'): Promise<string> {
    const { output, errors } = await run(
      ...this.#curl(node, device, user, ['--max-time', '20', '-w', '\n%{http_code}'], '/'),
    );
    const [body = '', status = ''] = output.split(/\n(?=\d+$)/);
    return status === '200' ? body : `${status} ${errors}`.trim();
  }

  /** An answer that lasts for as long as the node lets it. */
  stream(node: NodeName, device: DeviceName, user: string): ChildProcess {
    const [command, words] = this.#curl(node, device, user, ['-N'], '/stream');
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#undo.push(() => endProcess(child));
    return child;
  }

  /** A call of the API by the administrator; the status. */
  async api(node: NodeName, method: string, path: string, body: unknown): Promise<number> {
    const [command = '', ...words] = this.lab.in('front');
    const { output } = await run(command, [
      ...[...words, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '20', '-X', method],
      ...[
        '-H',
        `Host: ${domain}:${port}`,
        '-H',
        `@${this.#header('alice')}`,
        '-H',
        'Content-Type: application/json',
      ],
      ...['--data-binary', JSON.stringify(body), `http://${machines[node]}:${port}/my-devices/api${path}`],
    ]);
    return Number(output);
  }

  #curl(
    node: NodeName,
    device: DeviceName,
    user: string,
    options: readonly string[],
    path: string,
  ): [string, string[]] {
    const [command = '', ...words] = this.lab.in('front');
    const asked = ['-H', `Host: ${device}.${domain}:${port}`, '-H', `@${this.#header(user)}`];
    return [
      command,
      [...words, 'curl', '-sS', ...options, ...asked, `http://${machines[node]}:${port}${path}`],
    ];
  }

  /** In a file, which nobody else reads. */
  #header(user: string): string {
    const file = join(this.#folder, `authorization-${++this.#passwords}`);
    const credentials = Buffer.from(`${user}:${secret}`).toString('base64');
    writeFileSync(file, `Authorization: Basic ${credentials}\n`, { mode: 0o600 });
    return file;
  }

  #command(args: readonly string[]): void {
    const how = { input: `${secret}\n`, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(process.execPath, [program, ...args], how);
    if (status !== 0) throw new Error(`rm-server ${args[0]} ${args[1]}: ${stderr}`);
  }

  #spawn(machine: Parameters<ClusterLab['in']>[0], words: readonly string[], stderr: string): ChildProcess {
    const [command = '', ...before] = this.lab.in(machine);
    // A file is added to: a node that starts again has the log of before.
    const shell = stderr.startsWith('/') ? ['sh', '-c', 'exec "$@" 2>> "$0"', stderr] : [];
    const errors = stderr === 'pipe' ? 'pipe' : 'ignore';
    return spawn(command, [...before, ...shell, ...words], { cwd: root, stdio: ['ignore', 'pipe', errors] });
  }
}

/** Of all users and devices of the tests. */
const secret = 'a long enough secret';

function listening(
  child: ChildProcess,
  pattern: RegExp,
  what: string,
  stream: 'stdout' | 'stderr' = 'stdout',
): Promise<void> {
  const said = new Promise<void>((resolve, reject) => {
    let text = '';
    child[stream]?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (pattern.test(text)) resolve();
    });
    child.once('exit', (status) => reject(new Error(`${what} ended with ${status}: ${text}`)));
  });
  return within(said, `${what} to listen`);
}
