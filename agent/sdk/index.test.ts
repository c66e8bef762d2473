import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import {
  ChannelError,
  encodeBare,
  encodeData,
  encodeWord,
  FrameDecoder,
  Opcode,
  SERVER_PROTOCOL,
} from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ascii, Collected, difference, pattern } from '../../protocol/src/testing/bytes.ts';
import { eventually } from '../simulation/recorder.ts';
import type { Configuration } from '../src/config/configuration.ts';
import {
  type AccessRule,
  Agent,
  type AgentConfiguration,
  type AgentEvents,
  type AgentOptions,
  type AgentService,
  ConfigurationError,
  type ProxyServer,
  type ServiceHandler,
} from './index.ts';

/** The reflector's side of a tunnel, on `ws`. */
class Tunnel {
  readonly socket: WebSocket;
  readonly seen: string[] = [];
  readonly data = new Map<number, Collected>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    const note = (name: string) => (channel: number, value?: number) =>
      void this.seen.push(`${name} ${channel} ${value ?? ''}`.trim());
    const decoder = new FrameDecoder(
      {
        data: (channel, bytes, start, end) => this.received(channel).add(bytes, start, end),
        openRequest: note('open'),
        openConfirm: note('confirm'),
        openFault: note('fault'),
        close: note('close'),
        error: note('error'),
        credit: note('credit'),
        properties: () => undefined,
        violation: (channel, what) => this.seen.push(`violation ${channel} ${what}`),
      },
      { frameBytes: 1 << 20, propertiesBytes: 1 << 16 },
    );
    socket.on('message', (message: Buffer) => decoder.message(message));
  }

  received(channel: number): Collected {
    const collected = this.data.get(channel) ?? new Collected();
    this.data.set(channel, collected);
    return collected;
  }

  async saw(event: string): Promise<void> {
    await eventually(() => expect(this.seen).toContain(event));
  }

  async open(channel: number, port: number): Promise<void> {
    this.socket.send(encodeWord(Opcode.openRequest, channel, port));
    await this.saw(`confirm ${channel}`);
  }

  send(channel: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 2048) {
      this.socket.send(encodeData(channel, bytes, at, Math.min(bytes.length, at + 2048)));
    }
  }

  close(channel: number): void {
    this.socket.send(encodeBare(Opcode.close, channel));
  }
}

let server: Server;
let webSockets: WebSocketServer;
let reflector: string;
let tunnels: Tunnel[];
let agents: Agent[];

beforeEach(async () => {
  tunnels = [];
  agents = [];
  server = createServer();
  webSockets = new WebSocketServer({ noServer: true });
  // ws takes no subprotocol with a slash: it is taken off the request and put into the answer by hand.
  webSockets.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${SERVER_PROTOCOL}`));
  server.on('upgrade', (request, socket, head) => {
    delete request.headers['sec-websocket-protocol'];
    webSockets.handleUpgrade(request, socket, head, (connection) => tunnels.push(new Tunnel(connection)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  reflector = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  for (const { socket } of tunnels) socket.terminate();
  server.closeAllConnections();
  server.close();
});

function agentWith(
  services: AgentConfiguration['services'],
  given: Partial<AgentConfiguration> = {},
  options: AgentOptions = {},
) {
  const device = { id: 'dev1', domain: 'dom', password: 'p' };
  const agent = new Agent({ reflector, device, services, reconnect: { min: 1, max: 1 }, ...given }, options);
  agents.push(agent);
  const events: [string, unknown][] = [];
  for (const name of ['connecting', 'connected', 'disconnected', 'channel'] as const) {
    agent.on(name, (event: AgentEvents[typeof name]) => events.push([name, event]));
  }
  return { agent, events };
}

async function tunnelOf(agent: Agent): Promise<Tunnel> {
  agent.start();
  await eventually(() => expect(agent.status.state).toBe('connected'));
  const tunnel = tunnels.at(-1);
  if (!tunnel) throw new Error('no tunnel');
  return tunnel;
}

const echo: ServiceHandler = (stream) => void stream.pipe(stream);

describe('an agent inside an application', () => {
  it('does nothing before it is started', async () => {
    const { agent, events } = agentWith([{ port: 80, handler: echo }]);
    expect(agent.status).toMatchObject({ state: 'stopped', connects: 0, channels: 0 });
    await agent.stop();
    await agent.stop();
    expect(events).toEqual([]);
  });

  it('serves a port by a handler, which nothing listens for', async () => {
    const { agent } = agentWith([{ port: 7, handler: echo }]);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 7);
    tunnel.send(1, pattern(500_000));
    tunnel.close(1);
    await tunnel.saw('close 1');
    expect(difference(tunnel.received(1).bytes, pattern(500_000))).toBeNull();
  });

  it('serves an HTTP server by a handler', async () => {
    const application = createServer((request, response) => {
      const received = new Collected();
      request.on('data', (data: Buffer) => received.add(data));
      request.on('end', () => response.end(`${request.method} ${request.url} ${received.length}`));
    });
    const { agent } = agentWith([
      { port: 80, kind: 'http', handler: (stream) => void application.emit('connection', stream) },
    ]);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 80);
    tunnel.send(
      1,
      ascii('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n'),
    );
    tunnel.send(1, pattern(100_000));
    await tunnel.saw('close 1');
    expect(tunnel.received(1).text).toContain('POST /x 100000');
    application.close();
  });

  it('serves a TCP service beside', async () => {
    const service = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    const { agent } = agentWith([{ port }]);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(9, port);
    tunnel.send(9, pattern(2_000_000));
    tunnel.close(9);
    await tunnel.saw('close 9');
    expect(difference(tunnel.received(9).bytes, pattern(2_000_000))).toBeNull();
    service.close();
  });

  it('has events for the tunnel and each channel', async () => {
    const { agent, events } = agentWith([{ port: 7, handler: (stream) => void stream.resume().end('bye') }]);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(3, 7);
    tunnel.send(3, pattern(10));
    await tunnel.saw('close 3');
    tunnel.close(3);
    tunnel.socket.send(encodeWord(Opcode.openRequest, 4, 8));
    await tunnel.saw(`fault 4 ${ChannelError.notForwarded}`);
    await eventually(() => expect(events).toHaveLength(4));
    tunnel.socket.close(1001, 'maintenance');
    await eventually(() => expect(events.at(-1)?.[0]).toBe('disconnected'));
    const channel = { channel: 3, port: 7, error: null };
    expect(events).toEqual([
      ['connecting', { reflector }],
      ['connected', { reflector, proxy: null, extension: null, keepAliveMs: 300_000 }],
      ['channel', { ...channel, state: 'open', received: 0, sent: 0 }],
      ['channel', { ...channel, state: 'closed', received: 10, sent: 3 }],
      [
        'disconnected',
        { reason: 'closed by the reflector (1001): maintenance', kind: 'fault', retryMs: expect.any(Number) },
      ],
    ]);
    agent.retry();
    await eventually(() => expect(agent.status).toMatchObject({ state: 'connected', connects: 2 }));
  });

  it('closes with 1001 when it is stopped, and ends the handlers', async () => {
    let ended = false;
    const { agent, events } = agentWith([
      {
        port: 7,
        handler: (stream) =>
          void stream.on('close', () => {
            ended = true;
          }),
      },
    ]);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 7);
    const closed = once(tunnel.socket, 'close');
    await agent.stop();
    expect((await closed)[0]).toBe(1001);
    expect(ended).toBe(true);
    expect(agent.status.state).toBe('stopped');
    expect(events.at(-1)).toEqual(['disconnected', { reason: 'stopped', kind: 'fault', retryMs: null }]);
  });

  it('throws for a wrong configuration, with every reason', () => {
    const wrong = {
      reflector: 'nowhere',
      device: { id: 'a', domain: 'b' },
      services: [{ port: 0 }, { port: 1 }, { port: 1 }],
    };
    let caught: unknown;
    try {
      new Agent(wrong);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ConfigurationError);
    const { errors, message, name } = caught as ConfigurationError;
    expect([name, errors.length]).toEqual(['ConfigurationError', 3]);
    expect(errors[0]).toMatch(/^reflector: /);
    expect(message.split('\n')).toEqual(errors);
  });

  it('has a type with every key of the file, but those of the program alone', () => {
    type Given<Key extends keyof AgentConfiguration> = keyof NonNullable<AgentConfiguration[Key]>;
    type Program = '$schema' | 'control' | 'stateFile' | 'notify' | 'log' | 'start';
    expectTypeOf<keyof AgentConfiguration>().toEqualTypeOf<Exclude<keyof Configuration, Program>>();
    expectTypeOf<Given<'upgrade'>>().toEqualTypeOf<keyof Configuration['upgrade']>();
    expectTypeOf<Given<'device'>>().toEqualTypeOf<keyof Configuration['device']>();
    expectTypeOf<Given<'tls'>>().toEqualTypeOf<keyof Configuration['tls']>();
    expectTypeOf<Given<'timeouts'>>().toEqualTypeOf<keyof Configuration['timeouts']>();
    expectTypeOf<Given<'reconnect'>>().toEqualTypeOf<keyof Configuration['reconnect']>();
    expectTypeOf<Given<'access'>>().toEqualTypeOf<keyof Configuration['access']>();
    expectTypeOf<Given<'limits'>>().toEqualTypeOf<keyof Configuration['limits']>();
    type Service = Configuration['services'][number];
    expectTypeOf<keyof AgentConfiguration['services'][number]>().toEqualTypeOf<keyof Service | 'handler'>();
  });

  it('has the types of the file: quantities with units, absent keys, and nothing else', () => {
    type Device = AgentConfiguration['device'];
    expectTypeOf<Device['id']>().toEqualTypeOf<string | { readonly file: string }>();
    expectTypeOf<Device['auth']>().toEqualTypeOf<'basic' | 'digest' | undefined>();
    expectTypeOf<Device['propertiesInterval']>().toEqualTypeOf<number | string | undefined>();
    type Limits = NonNullable<AgentConfiguration['limits']>;
    expectTypeOf<Limits['channels']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Limits['memoryBytes']>().toEqualTypeOf<number | string | null | undefined>();
    expectTypeOf<AgentService['port']>().toEqualTypeOf<number>();
    expectTypeOf<AgentService['tls']>().extract<null | undefined>().toEqualTypeOf<null | undefined>();
    expectTypeOf<keyof ProxyServer>().toEqualTypeOf<'uri' | 'user' | 'password'>();
    expectTypeOf<AccessRule['mode']>().toEqualTypeOf<'always' | 'window' | 'consent' | undefined>();
    expectTypeOf<{ readonly domain: string }>().not.toExtend<Device>();
  });

  it('hands warnings and lines to the log of the application, secrets never', async () => {
    const lines: string[] = [];
    const write = (text: string) => void lines.push(text);
    const log = { error: write, warning: write, info: write, debug: write };
    const device = { id: 'dev1', domain: 'dom', password: 'gehe1m' };
    const agent = new Agent({ reflector, device, services: [{ port: 80, handler: echo }] }, { log });
    agents.push(agent);
    await tunnelOf(agent);
    expect(lines.some((line) => line.startsWith('connected to '))).toBe(true);
    expect(lines.join('\n')).not.toContain('gehe1m');
  });

  it('ends one connection whose handler throws, and hands the error on', async () => {
    const { agent } = agentWith([
      {
        port: 7,
        handler: () => {
          throw new Error('handler is broken');
        },
      },
      { port: 8, handler: echo },
    ]);
    const tunnel = await tunnelOf(agent);
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = once(process, 'uncaughtException');
    tunnel.socket.send(encodeWord(Opcode.openRequest, 1, 7));
    const [error] = (await thrown) as [Error];
    for (const listener of before) process.on('uncaughtException', listener);
    expect(error.message).toBe('handler is broken');
    await tunnel.saw(`error 1 ${ChannelError.socket}`);
    await tunnel.open(2, 8);
  });
});

describe('consent by an application', () => {
  const services = [{ port: 7, handler: echo }];
  const accessed = (agent: Agent) => {
    const states: string[] = [];
    agent.on('access', ({ state, port }) => states.push(`${state} ${port}`));
    return states;
  };

  it.each([
    ['true', async () => true, 'confirm 1', 'allowed 7'],
    ['false', () => false, `fault 1 ${ChannelError.refused}`, 'refused 7'],
    [
      'a rejection',
      () => Promise.reject(new Error('no dialogue')),
      `fault 1 ${ChannelError.refused}`,
      'refused 7',
    ],
  ])('of %s', async (_name, access, answer, state) => {
    const asked: unknown[] = [];
    const { agent } = agentWith(
      services,
      { access: { mode: 'consent' } },
      {
        access: ({ port, channel }) => {
          asked.push([port, channel]);
          return access();
        },
      },
    );
    const states = accessed(agent);
    const tunnel = await tunnelOf(agent);
    tunnel.socket.send(encodeWord(Opcode.openRequest, 1, 7));
    await tunnel.saw(answer);
    expect(asked).toEqual([[7, 1]]);
    expect(states).toEqual(['asked 7', state]);
  });

  it('that comes from elsewhere aborts the question', async () => {
    const signals: AbortSignal[] = [];
    const { agent } = agentWith(
      services,
      { access: { mode: 'consent' } },
      {
        access: ({ signal }) => {
          signals.push(signal);
          return new Promise(() => undefined);
        },
      },
    );
    const tunnel = await tunnelOf(agent);
    expect(agent.consent(true)).toBe(false);
    tunnel.socket.send(encodeWord(Opcode.openRequest, 1, 7));
    await eventually(() => expect(agent.status.access.waiting).toMatchObject([{ port: 7, channels: 1 }]));
    await eventually(() => expect(signals).toHaveLength(1));
    expect(agent.consent(true, 7)).toBe(true);
    await tunnel.saw('confirm 1');
    expect(signals[0]?.aborted).toBe(true);
    expect(agent.consent(false)).toBe(true);
    await tunnel.saw(`error 1 ${ChannelError.refused}`);
  });

  it('is required if there is no other way to consent', () => {
    expect(() => agentWith(services, { access: { mode: 'consent' } })).toThrow(
      'access: mode "consent" needs access.ask, or the function access among the options',
    );
  });

  it('may be switched off altogether', async () => {
    const { agent } = agentWith(services);
    const tunnel = await tunnelOf(agent);
    const closed = once(tunnel.socket, 'close');
    agent.disable();
    expect((await closed)[0]).toBe(1001);
    expect(agent.status.state).toBe('disabled');
    await tunnelOf(agent);
  });
});
