import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../checkout.ts';
import { endProcess } from '../../system/end-process.ts';
import { listening } from '../../system/listening.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { cpuSeconds } from '../../system/process-figures.ts';
import { RemoteSystem } from '../../system/remote-system.ts';
import { Browser } from './browser.ts';
import { putLoad } from './load.ts';

export interface RequestsResult {
  readonly way: string;
  /** How the user proves who it is; the same head goes every way. */
  readonly user: UserKind;
  readonly bytes: number;
  /** Median of the rounds. */
  readonly perSecond: number;
  /** Milliseconds; medians of the rounds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU of what stands between, for each request; median of the rounds. */
  readonly cpuMicroseconds: number;
  /** The same divided by that of the minimal proxy; median of the rounds. */
  readonly ratio: number;
  /** Answers other than 200, and connections that failed; all rounds. */
  readonly errors: number;
}

export interface RequestsExtent {
  readonly agents: readonly (readonly string[])[];
  /** Each way is measured once in a round, so that what else the machine does falls on all of them. */
  readonly rounds: number;
  /** Of each measurement; a tenth of them for the larger files. */
  readonly requests: number;
  /** Where V8 profiles of the reflectors go; `null`: none. */
  readonly profile: string | null;
}

type UserKind = 'program' | 'browser';

/** What is measured: a process between the user and the web server. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

type Sample = Pick<RequestsResult, 'perSecond' | 'p50' | 'p99' | 'cpuMicroseconds' | 'errors'>;

const minimal = 'minimal Node proxy';
const sizes = [1_000, 100_000];
const connections = 64;

/** What Chromium sends with a script's fetch. */
const browserHead = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: */*',
  'Accept-Language: en-GB,en;q=0.9',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Dest: empty',
];

/** One web server, asked directly, behind two plain proxies, and through reflector and agent; in one run. */
export async function measureRequests(
  { agents, rounds, requests, profile }: RequestsExtent,
  report: (step: string) => void,
): Promise<RequestsResult[]> {
  const server = await Nginx.start((folder, port) => {
    mkdirSync(join(folder, 'www'));
    for (const size of sizes) writeFileSync(join(folder, 'www', String(size)), '.'.repeat(size));
    return `listen 127.0.0.1:${port} backlog=1024; location / { root ${folder}/www; }`;
  });
  const proxy = await Nginx.start(
    (_folder, port) =>
      `listen 127.0.0.1:${port} backlog=1024;
       location / { proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection ""; }`,
    `upstream server { server 127.0.0.1:${server.port}; keepalive ${connections}; }`,
  );
  const minimalPort = await reservedPort();
  const minimalProxy = spawn(
    process.execPath,
    [join(root, 'test/dist/bench/reflector/minimal-proxy.js'), String(minimalPort), String(server.port)],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const systems: RemoteSystem[] = [];
  try {
    await listening(minimalPort, minimalProxy, () => '');
    for (const agent of agents) {
      const node = profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
      systems.push(
        await RemoteSystem.start({ services: [{ port: server.port, kind: 'http' }], agent, node }),
      );
    }
    const plain: Way[] = [
      { name: minimal, port: minimalPort, pid: minimalProxy.pid ?? 0 },
      { name: 'nginx', port: proxy.port, pid: proxy.pid },
      { name: 'directly', port: server.port, pid: server.pid },
    ];
    const results: RequestsResult[] = [];
    const ways: { way: Way; heads: Readonly<Record<UserKind, readonly string[]>> }[] = [];
    for (const [i, system] of systems.entries()) {
      const heads = await headsFor(system);
      if (i === 0) for (const way of plain) ways.push({ way, heads });
      const pid = system.reflector.pid ?? 0;
      ways.push({ way: { name: `reflector and ${agents[i]?.join(' ')}`, port: system.port, pid }, heads });
    }
    for (const user of ['browser', 'program'] as const) {
      for (const bytes of sizes) {
        const samples = new Map(ways.map(({ way }) => [way.name, [] as Sample[]]));
        // The first round is the warm-up: code is compiled, and connections are open.
        for (let round = 0; round <= rounds; round++) {
          for (const { way, heads } of ways) {
            report(`${round === 0 ? 'warm-up' : `round ${round}`}: ${way.name}, ${user}, ${bytes} bytes`);
            const lines = [`GET /${bytes} HTTP/1.1`, ...heads[user], '\r\n'];
            const sample = await measure(way, lines.join('\r\n'), bytes > 10_000 ? requests / 10 : requests);
            if (round > 0) samples.get(way.name)?.push(sample);
          }
        }
        const yardstick = samples.get(minimal) ?? [];
        for (const [way, taken] of samples) results.push(summary(way, user, bytes, taken, yardstick));
      }
    }
    return results;
  } finally {
    for (const system of systems) await system.stop();
    minimalProxy.kill();
    await proxy.stop();
    await server.stop();
  }
}

/** The header lines of each kind of user at the device of a system. */
async function headsFor(system: RemoteSystem): Promise<Readonly<Record<UserKind, readonly string[]>>> {
  const browser = new Browser(system.port);
  const [host = ''] = system.host.split(':');
  const page = await browser.visit(host, `/${sizes[0]}`, { name: system.user, password: system.password });
  if (page.status !== 200) throw new Error(`log-in ended with ${page.status}`);
  const cookie = browser.cookies(host);
  browser.close();
  return {
    browser: [`Host: ${system.host}`, ...browserHead, `Referer: ${system.url}/`, `Cookie: ${cookie}`],
    program: [`Host: ${system.host}`, `Authorization: ${system.authorization}`],
  };
}

function summary(
  way: string,
  user: UserKind,
  bytes: number,
  samples: readonly Sample[],
  yardstick: readonly Sample[],
): RequestsResult {
  const ratios = samples.map(
    ({ cpuMicroseconds }, i) => cpuMicroseconds / (yardstick[i]?.cpuMicroseconds ?? Number.NaN),
  );
  return {
    way,
    user,
    bytes,
    perSecond: median(samples.map(({ perSecond }) => perSecond)),
    p50: median(samples.map(({ p50 }) => p50)),
    p99: median(samples.map(({ p99 }) => p99)),
    cpuMicroseconds: median(samples.map(({ cpuMicroseconds }) => cpuMicroseconds)),
    ratio: median(ratios),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** nginx with one server block, in the foreground and with one worker. */
class Nginx {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, process: ChildProcess, folder: string) {
    this.port = port;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(server: (folder: string, port: number) => string, http = ''): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-bench-nginx-'));
    const port = await reservedPort();
    const file = join(folder, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    writeFileSync(
      file,
      `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
       events { worker_connections 1024; }
       http { access_log off; keepalive_requests 1000000; sendfile on; tcp_nodelay on; ${temporary.join(' ')}
         ${http} server { ${server(folder, port)} } }`,
    );
    const program = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? 'nginx';
    const child = spawn(program, ['-c', file, '-p', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    await listening(port, child, () => '');
    return new Nginx(port, child, folder);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    await endProcess(this.#process);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function measure({ port, pid }: Way, head: string, requests: number): Promise<Sample> {
  const cpu = cpuSeconds(pid);
  const { seconds, times, errors } = await putLoad({ port, head, connections, requests });
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return {
    perSecond: times.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicroseconds: ((cpuSeconds(pid) - cpu) / times.length) * 1e6,
    errors,
  };
}
