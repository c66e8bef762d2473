import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventLog } from './events.ts';
import { limits } from './limits.ts';
import { LiveFeed } from './live.ts';
import { maxSpeed, Pump } from './pump.ts';
import { sendError, sendJson } from './respond.ts';
import { describeDownload, download, upload } from './transfer.ts';

export interface DemoDevice {
  /** The port it listens on. */
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

export const identity = { name: 'Pump 7', serial: 'SN-2041-07', version: '1.4.2' } as const;

const page = readFileSync(new URL('../public/index.html', import.meta.url));

/** Nothing but what stands in the page itself may run, and nothing may be fetched from elsewhere. */
const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${inlineHash('script')}`,
  `style-src ${inlineHash('style')}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

function inlineHash(tag: string): string {
  const content = page.toString().split(new RegExp(`</?${tag}>`))[1] ?? '';
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}

/**
 * Starts the web application of a simulated pump on `port` (0: any free one) of `host`. Rejects with one line for a
 * person when it cannot listen.
 */
export async function startDemoDevice(options: {
  readonly port: number;
  readonly host: string;
}): Promise<DemoDevice> {
  const device = new Device();
  const server = createServer((request, response) => device.handle(request, response));
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMs;
  // An upload may take as long as it moves.
  server.requestTimeout = 0;
  server.on('upgrade', (request, socket, head) => {
    if (pathOf(request) === '/live') device.live.accept(request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenFailure(error, options))));
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        device.close();
        server.closeAllConnections();
      }),
  };
}

function listenFailure(
  { code, message }: NodeJS.ErrnoException,
  { port, host }: { port: number; host: string },
): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is taken, choose another with --port`;
  if (code === 'EACCES')
    return `port ${port} on ${host} is not allowed for this user, choose another with --port`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${host} is not an address of this machine, choose another with --host`;
  return `cannot listen on ${host} port ${port}: ${message}`;
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

class Device {
  readonly live: LiveFeed;
  readonly #pump = new Pump(performance.now());
  readonly #events = new EventLog();
  readonly #started = performance.now();

  constructor() {
    this.live = new LiveFeed(() => this.#pump.read(performance.now()));
    this.#events.add('Device started', new Date());
  }

  close(): void {
    this.live.close();
    this.#events.close();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    this.#route(request, response).catch((error: NodeJS.ErrnoException) => {
      // The peer went away: there is nobody to tell.
      if (response.headersSent || request.destroyed) response.destroy();
      else sendError(response, 500, error.message);
    });
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = new URLSearchParams((request.url ?? '').split('?')[1]);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = `${method} ${pathOf(request)}`;
    switch (route) {
      case 'GET /':
        return this.#page(response);
      case 'GET /api/status':
        return sendJson(response, 200, this.#status());
      case 'GET /api/download':
        return describeDownload(query, response);
      case 'POST /api/pump':
        return this.#control(request, response);
      case 'GET /events':
        return this.#events.stream(request, response);
      case 'GET /download':
        return download(request, query, response);
      case 'POST /upload':
      case 'PUT /upload':
        await upload(request, response);
        return this.#events.add('Upload received', new Date());
      default:
        return sendError(response, 404, `nothing answers to ${route}`);
    }
  }

  #page(response: ServerResponse): void {
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': page.length,
      'Content-Security-Policy': contentSecurityPolicy,
      'Cache-Control': 'no-cache',
    });
    response.end(page);
  }

  #status(): object {
    const now = performance.now();
    return {
      ...identity,
      uptimeSeconds: Math.floor((now - this.#started) / 1000),
      setPoint: this.#pump.setPoint,
      maxSpeed,
      reading: this.#pump.read(now),
    };
  }

  /** `{ "running"?: boolean, "setPoint"?: number }`. Only JSON, which a page of another origin cannot send unasked. */
  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      return sendError(response, 415, 'the command must be application/json');
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Leaving the loop early must not close the connection before the answer is out.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limits.commandBytes)
        return sendError(response, 413, `a command has at most ${limits.commandBytes} bytes`);
      chunks.push(chunk);
    }
    const command = readCommand(Buffer.concat(chunks).toString());
    if (typeof command === 'string') return sendError(response, 400, command);
    const { running, setPoint } = this.#pump;
    this.#pump.control(command, performance.now());
    if (this.#pump.running !== running)
      this.#events.add(running ? 'Pump stopped' : 'Pump started', new Date());
    if (this.#pump.setPoint !== setPoint)
      this.#events.add(`Set point ${this.#pump.setPoint} rpm`, new Date());
    sendJson(response, 200, this.#status());
  }
}

/** The command, or what is wrong with it. */
function readCommand(body: string): { running?: boolean; setPoint?: number } | string {
  let command: unknown;
  try {
    command = JSON.parse(body);
  } catch {
    return 'the command is not JSON';
  }
  if (typeof command !== 'object' || command === null) return 'the command is not an object';
  const { running, setPoint } = command as { running?: unknown; setPoint?: unknown };
  if (running !== undefined && typeof running !== 'boolean') return 'running must be true or false';
  if (setPoint !== undefined && !(typeof setPoint === 'number' && setPoint >= 0 && setPoint <= maxSpeed)) {
    return `setPoint must be a number from 0 to ${maxSpeed}`;
  }
  return {
    ...(running === undefined ? {} : { running }),
    ...(setPoint === undefined ? {} : { setPoint: setPoint as number }),
  };
}
