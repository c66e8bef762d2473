import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../checkout.ts';
import { listening } from '../../system/listening.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { cpuSeconds } from '../../system/process-figures.ts';
import { RemoteSystem } from '../../system/remote-system.ts';

export interface RequestsResult {
  readonly way: string;
  readonly bytes: number;
  readonly perSecond: number;
  /** As wrk prints them. */
  readonly median: string;
  readonly p99: string;
  /** CPU of what stands between, nginx or the reflector, for each request. */
  readonly cpuMicroseconds: number;
  /** Answers other than 200, and connections that failed. */
  readonly errors: number;
}

const sizes = [1_000, 100_000];
const connections = 64;

/** One web server, asked directly, behind nginx as a plain reverse proxy, and through reflector and agent; in one run. */
export async function measureRequests(
  agents: readonly (readonly string[])[],
  seconds: number,
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
  const results: RequestsResult[] = [];
  const run = async (way: string, port: number, headers: readonly string[], pid: number) => {
    for (const bytes of sizes) {
      report(`${way}, ${bytes} bytes`);
      results.push(await wrk(way, port, bytes, headers, pid, seconds));
    }
  };
  try {
    await run('directly', server.port, [], server.pid);
    await run('nginx', proxy.port, [], proxy.pid);
    for (const agent of agents) {
      const system = await RemoteSystem.start({ services: [{ port: server.port, kind: 'http' }], agent });
      const headers = [`Host: ${system.host}`, `Authorization: ${system.authorization}`];
      const pid = system.reflector.pid ?? 0;
      await run(`reflector and ${agent.join(' ')}`, system.port, headers, pid);
      await system.stop();
    }
  } finally {
    await proxy.stop();
    await server.stop();
  }
  return results;
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
    this.#process.kill('SIGTERM');
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function wrk(
  way: string,
  port: number,
  bytes: number,
  headers: readonly string[],
  pid: number,
  seconds: number,
): Promise<RequestsResult> {
  const cpu = cpuSeconds(pid);
  const { stdout } = await promisify(execFile)(
    'wrk',
    [
      '-t1',
      `-c${connections}`,
      `-d${seconds}`,
      '--latency',
      ...headers.flatMap((header) => ['-H', header]),
      `http://127.0.0.1:${port}/${bytes}`,
    ],
    { cwd: root },
  );
  const value = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? '';
  const requests = Number(value(/(\d+) requests in/));
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout) ?? [];
  return {
    way,
    bytes,
    perSecond: Number(value(/Requests\/sec:\s+([\d.]+)/)),
    median: value(/^\s+50%\s+(\S+)/m),
    p99: value(/^\s+99%\s+(\S+)/m),
    cpuMicroseconds: requests === 0 ? 0 : ((cpuSeconds(pid) - cpu) / requests) * 1e6,
    errors:
      Number(value(/Non-2xx or 3xx responses: (\d+)/)) +
      socketErrors.slice(1).reduce((sum, count) => sum + Number(count), 0),
  };
}
