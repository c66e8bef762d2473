import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { Authority } from '../certificates/authority.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { RawTunnel } from './raw-tunnel.ts';
import type { Subject } from './subject.ts';

export interface AgentOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly ports: readonly number[];
  /** Answer the agent's offer of the extension with its own values. */
  readonly extension: boolean;
  readonly tls: boolean;
}

/** An agent, with this program as its reflector. */
export async function startAgent(options: AgentOptions): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'rm-bench-'));
  const authority = options.tls ? new Authority() : null;
  const server = authority ? createTlsServer(authority.issue()) : createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const file = join(directory, 'rm-agent.json');
  const configuration = {
    reflector: `${authority ? 'https' : 'http'}://127.0.0.1:${port}/`,
    device: { id: 'bench', domain: 'bench', password: 'bench' },
    services: options.ports.map((service) => ({ port: service, kind: 'tcp' })),
    timeouts: { keepAlive: 300 },
    control: null,
    stateFile: null,
    ...(authority ? { tls: { ca: authority.file } } : {}),
  };
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
  const started = performance.now();
  const arrival = once(server, authority ? 'secureConnection' : 'connection') as Promise<[Socket]>;
  const agent = AgentProcess.start(['--config', file], {}, options.command);
  const died = agent.exited.then(() => {
    throw new Error(`${options.command.join(' ')} ended:\n${agent.log.join('\n')}`);
  });
  const [socket] = await Promise.race([arrival, died]);
  socket.setNoDelay(true);
  const tunnel = await upgrade(socket, options.extension);
  const startMs = performance.now() - started;
  died.catch(() => {});
  return {
    name: options.name,
    devicePid: agent.pid,
    relayPids: [],
    startMs,
    open: (service) => tunnel.open(service),
    async stop() {
      agent.signal('SIGTERM');
      socket.destroy();
      server.close();
      await agent.exited;
      authority?.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Reads the upgrade request, answers it, and hands the connection over. */
async function upgrade(socket: Socket, extension: boolean): Promise<RawTunnel> {
  socket.on('error', () => {});
  let head = '';
  while (!head.includes('\r\n\r\n')) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    head += bytes.toString('latin1');
  }
  const header = (name: string) => new RegExp(`^${name}: *(.*?)\r$`, 'im').exec(head)?.[1] ?? '';
  const accept = createHash('sha1')
    .update(`${header('Sec-WebSocket-Key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const offer = header('X-WebTunnel-Extensions');
  const size = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(offer)?.[1] ?? 0);
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
    ...(extension ? [`X-WebTunnel-Extensions: ${offer}`] : []),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [frameBytes, window] = extension ? [size('max-frame'), size('window')] : [2048, 0];
  return new RawTunnel(socket, frameBytes, window, Buffer.alloc(0));
}
