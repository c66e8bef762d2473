import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
/** Of all nodes; `DEVICE.` before it is the host of a device. */
export const domain = 'remote.test';

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

/** A user with the password of all, or a token. */
export type Credentials = string | { readonly token: string };

export interface ClusterOptions {
  /** `main.js` of the `rm-server` that makes the tables and the accounts, and of nodes where no other is named; that of this checkout by default. */
  readonly version?: string;
  /** Nodes that are started at once; all by default. */
  readonly nodes?: readonly NodeName[];
  /** How many hours the clocks of nodes are ahead of that of the database. */
  readonly hoursAhead?: Readonly<Partial<Record<NodeName, number>>>;
  /** The hosts of the database as nodes know it; by default the address that moves with the primary. */
  readonly databaseHosts?: Readonly<Partial<Record<NodeName, string>>>;
  /** Added to the configuration of each node. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Makes the accounts in the database, in place of those of the two devices, which then have no agents. */
  readonly accounts?: (url: string) => Promise<void>;
  /** Processes of HAProxy; 1 by default. One has two descriptors for each device. */
  readonly fronts?: number;
}

/** Three nodes, PostgreSQL with a synchronous replica, HAProxy, and two devices, each in a network namespace of its own. */
export class Cluster {
  readonly lab: ClusterLab;
  readonly #options: ClusterOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rm-cluster-'));
  readonly #undo: (() => unknown)[] = [];
  readonly #nodes = new Map<NodeName, ChildProcess>();
  /** Of which `main.js` a node is. */
  readonly #versions = new Map<NodeName, string>();
  readonly agents = new Map<DeviceName, AgentProcess>();
  readonly #authority = new Authority();
  /** PEM file of the authority, valid also where the clock is behind. */
  readonly #authorityFile = join(this.#folder, 'ca.pem');
  #primary: PostgresqlServer | null = null;
  #replica: PostgresqlServer | null = null;
  /** Of both, the one that takes changes. */
  #current: PostgresqlServer | null = null;
  #way: ChildProcess | null = null;
  #files = 0;

  private constructor(lab: ClusterLab, options: ClusterOptions) {
    this.lab = lab;
    this.#options = options;
    writeFileSync(this.#authorityFile, this.#authority.again({}));
    this.#undo.push(
      () => lab.destroy(),
      () => rmSync(this.#folder, { recursive: true, force: true }),
      () => this.#authority.remove(),
    );
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(await ClusterLab.build(), options);
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
    const { accounts, nodes = nodeNames, fronts = 1 } = this.#options;
    if (accounts) await accounts(primary.url());
    else this.#addAccounts(primary.url());
    const replica = await primary.synchronousReplica();
    this.#replica = replica;
    this.#undo.push(() => replica.end());
    this.lab.moveDatabase('primary');
    this.#way = await this.#wayTo('primary', primary);
    this.#undo.push(() => this.#way && endProcess(this.#way));
    for (const [machine, server] of [
      ['primary', primary],
      ['replica', replica],
    ] as const) {
      const way = await this.#wayTo(machine, server, machines[machine]);
      this.#undo.push(() => endProcess(way));
    }
    await Promise.all(nodes.map((name) => this.startNode(name)));
    for (let n = 0; n < fronts; n++) this.#startFront();
    if (!accounts) await Promise.all(deviceNames.map((name) => this.#startDevice(name)));
  }

  #addAccounts(url: string): void {
    const store = ['--store', url];
    this.#command(['user', 'add', 'alice', '--admin', '--password-file', '-', ...store]);
    for (const name of deviceNames)
      this.#command(['device', 'add', name, '--domain', 'acme', '--password-file', '-', ...store]);
  }

  // --- nodes ---

  /** `version`: `main.js` of another `rm-server` than that of the options. */
  async startNode(name: NodeName, version = this.#program): Promise<void> {
    const { hoursAhead = {}, databaseHosts = {}, configuration: added } = this.#options;
    const hosts = databaseHosts[name] ?? databaseAddress;
    const { certFile, keyFile } = this.#authority.issue({ names: `DNS:${name}` });
    const file = join(this.#folder, `${name}.json`);
    const configuration = {
      listen: `${machines[name]}:${port}`,
      domain,
      data: join(this.#folder, `${name}.sqlite`),
      store: { url: `postgresql://postgres@${hosts}/postgres`, tls: 'off' },
      node: {
        name,
        listen: `${machines[name]}:7443`,
        tls: { cert: certFile, key: keyFile, ca: this.#authorityFile },
      },
      keepAlive: 10,
      logLevel: 'info',
      ...added,
    };
    writeFileSync(file, JSON.stringify(configuration));
    const node = this.#spawn(
      name,
      [...clock(hoursAhead[name] ?? 0), process.execPath, version, '--config', file],
      join(this.#folder, `${name}.log`),
    );
    this.#nodes.set(name, node);
    this.#versions.set(name, version);
    await listening(node, /listens on/, `the node ${name}`).catch((error) => {
      throw new Error(`${error.message}\n${this.logs}`);
    });
  }

  /** By the command of its own version: devices are sent away. */
  drainNode(name: NodeName): void {
    // The command is outside of the namespaces, and reaches the database by its socket.
    const file = join(this.#folder, 'drain.json');
    const [, url] = this.#store;
    writeFileSync(file, JSON.stringify({ store: { url } }), { mode: 0o600 });
    this.#command(['drain', name, '--config', file], this.#versions.get(name));
  }

  /** Ends it in order. */
  async stopNode(name: NodeName): Promise<void> {
    const node = this.#nodes.get(name);
    if (node) await endProcess(node);
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
  async #wayTo(
    machine: 'primary' | 'replica',
    server: PostgresqlServer,
    address: string = databaseAddress,
  ): Promise<ChildProcess> {
    const from = `TCP-LISTEN:5432,bind=${address},fork,reuseaddr`;
    const way = this.#spawn(machine, ['socat', '-d', '-d', from, `UNIX-CONNECT:${server.socket}`], 'pipe');
    await listening(way, /listening on/, 'socat', 'stderr');
    return way;
  }

  // --- devices and users ---

  #startFront(): void {
    const file = join(this.#folder, 'haproxy.cfg');
    const tls = this.#options.configuration?.tlsCert === undefined ? '' : ' check-ssl verify none';
    const servers = nodeNames.map(
      (name) => `  server ${name} ${machines[name]}:${port} check inter 500ms fall 2 rise 1${tls}`,
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
    const store = this.#store;
    this.#command(['user', 'add', name, '--password-file', '-', ...store]);
    this.#command(['user', 'grant', name, 'acme', ...store]);
  }

  removeUser(name: string): void {
    this.#command(['user', 'remove', name, ...this.#store]);
  }

  /** What the device answers through this node, or the status of another answer, or what curl says. */
  async ask(node: NodeName, device: DeviceName, user: Credentials = 'alice'): Promise<string> {
    const { output, errors } = await run(
      ...this.#curl(node, device, user, ['--max-time', '20', '-w', '\n%{http_code}'], '/'),
    );
    const [body = '', status = ''] = output.split(/\n(?=\d+$)/);
    return status === '200' ? body : `${status} ${errors}`.trim();
  }

  /** What this node says that the time is, ms. */
  async dateOf(node: NodeName): Promise<number> {
    const [command = '', ...words] = this.lab.in('front');
    const url = `http://${machines[node]}:${port}/healthz`;
    const { output } = await run(command, [...words, 'curl', '-sI', '--max-time', '20', url]);
    return Date.parse(/^date: (.*?)\r?$/im.exec(output)?.[1] ?? '');
  }

  /** Somebody logs in at this node, the administrator by default. */
  async logIn(
    node: NodeName,
    { name, password } = { name: 'alice', password: secret },
  ): Promise<{ readonly token: string }> {
    const [command = '', ...words] = this.lab.in('front');
    const form = new URLSearchParams({ username: name, password, application: 'lab' });
    const { output } = await run(command, [
      ...[...words, 'curl', '-sk', '--max-time', '20', '-H', `Host: ${domain}:${port}`],
      ...['--data-binary', `@${this.#private(String(form))}`, `${this.#origin(node)}/my-devices/api/token`],
    ]);
    return JSON.parse(output) as { token: string };
  }

  /** An answer that lasts for as long as the node lets it. */
  stream(node: NodeName, device: DeviceName, user: string): ChildProcess {
    const [command, words] = this.#curl(node, device, user, ['-N'], '/stream');
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#undo.push(() => endProcess(child));
    return child;
  }

  /** A call of the API by the administrator, with a body or without; the status. */
  async api(node: NodeName, method: string, path: string, body?: unknown): Promise<number> {
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
      ...(body === undefined ? [] : ['--data-binary', JSON.stringify(body)]),
      `http://${machines[node]}:${port}/my-devices/api${path}`,
    ]);
    return Number(output);
  }

  #origin(node: NodeName): string {
    const scheme = this.#options.configuration?.tlsCert === undefined ? 'http' : 'https';
    return `${scheme}://${machines[node]}:${port}`;
  }

  #curl(
    node: NodeName,
    device: DeviceName,
    user: Credentials,
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
  #header(user: Credentials): string {
    const basic = (name: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
    return this.#private(
      `Authorization: ${typeof user === 'string' ? basic(user) : `Bearer ${user.token}`}\n`,
    );
  }

  #private(text: string): string {
    const file = join(this.#folder, `private-${++this.#files}`);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  get #program(): string {
    return this.#options.version ?? program;
  }

  /** For commands: the database that takes changes. */
  get #store(): readonly string[] {
    return ['--store', (this.#current as PostgresqlServer).url()];
  }

  #command(args: readonly string[], version = this.#program): void {
    const how = { input: `${secret}\n`, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(process.execPath, [version, ...args], how);
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

/** Words before a program for which the calendar is so many hours ahead (libfaketime); its timers are as they are. */
function clock(hours: number): readonly string[] {
  if (hours === 0) return [];
  const library = readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, 'faketime/libfaketime.so.1'))
    .find((file) => existsSync(file));
  if (library === undefined) throw new Error('the Debian package libfaketime is missing');
  const offset = `${hours < 0 ? '-' : '+'}${Math.abs(hours)}h`;
  return ['env', `LD_PRELOAD=${library}`, `FAKETIME=${offset}`, 'FAKETIME_DONT_FAKE_MONOTONIC=1'];
}

/** Of all users and devices of the tests. */
export const secret = 'a long enough secret';

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
