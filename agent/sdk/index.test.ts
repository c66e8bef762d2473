import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import {
  ChannelError,
  encodeBare,
  encodeData,
  encodeWord,
  FrameDecoder,
  Opcode,
  SERVER_PROTOCOL,
} from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ascii, Collected, difference, pattern } from '../../protocol/src/testing/bytes.ts';
import { nodeHost } from '../node/node-host.ts';
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
  httpHandler,
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
  // That this process gets no time on a busy machine must not pass for a handler that has stalled.
  const patient = { reconnect: { min: 1, max: 1 }, limits: { stallMs: 60_000 } };
  const agent = new Agent({ reflector, device, services, ...patient, ...given }, options);
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

function fail(): never {
  throw new Error('handler is broken');
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
    type Program = '$schema' | 'control' | 'notify' | 'log' | 'start' | 'onDemand' | 'mqtt';
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
    expectTypeOf<Device['id']>().toEqualTypeOf<
      string | { readonly file: string } | { readonly command: string | readonly string[] }
    >();
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

  it.each([
    ['throws', fail],
    ['rejects', () => Promise.resolve().then(fail)],
  ])('ends one connection whose handler %s, with an error event and the reason', async (_name, handler) => {
    const { agent, events } = agentWith([
      { port: 7, handler },
      { port: 8, handler: echo },
    ]);
    const failures: AgentEvents['error'][] = [];
    agent.on('error', (event) => failures.push(event));
    const tunnel = await tunnelOf(agent);
    tunnel.socket.send(encodeWord(Opcode.openRequest, 1, 7));
    await tunnel.saw(`error 1 ${ChannelError.socket}`);
    expect(failures).toEqual([
      { error: expect.objectContaining({ message: 'handler is broken' }), source: 'handler', port: 7 },
    ]);
    expect(events.at(-1)).toEqual([
      'channel',
      expect.objectContaining({ state: 'closed', port: 7, error: 'socket error: handler is broken' }),
    ]);
    await tunnel.open(2, 8);
  });

  it('logs the failure of a handler that nobody listens for', async () => {
    const lines: string[] = [];
    const write = (text: string) => void lines.push(text);
    const log = { error: write, warn: write, info() {} };
    const { agent } = agentWith([{ port: 7, handler: fail }], {}, { log });
    const tunnel = await tunnelOf(agent);
    tunnel.socket.send(encodeWord(Opcode.openRequest, 1, 7));
    await tunnel.saw(`error 1 ${ChannelError.socket}`);
    expect(lines).toContain('handler of port 7: handler is broken');
  });

  it('calls the other listeners when one throws, and goes on', async () => {
    const { agent } = agentWith([{ port: 7, handler: echo }]);
    const failures: AgentEvents['error'][] = [];
    let called = 0;
    agent.on('error', (event) => failures.push(event)).on('error', fail);
    agent.on('connected', fail).on('connected', () => void called++);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 7);
    expect(called).toBe(1);
    expect(failures).toMatchObject([
      { source: 'listener', port: null, error: { message: 'handler is broken' } },
    ]);
  });

  it('has an error event for a listener whose promise is rejected', async () => {
    const { agent } = agentWith([{ port: 7, handler: echo }]);
    const failures: AgentEvents['error'][] = [];
    agent.on('error', (event) => failures.push(event)).on('error', async () => fail());
    agent.on('connected', async () => fail());
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 7);
    expect(failures).toMatchObject([
      { source: 'listener', port: null, error: { message: 'handler is broken' } },
    ]);
  });

  it.each([
    ['throws', fail],
    ['rejects', async () => fail()],
  ])('goes on when its log %s, and says so once on standard error', async (_name, write) => {
    const printed = vi.spyOn(nodeHost.system, 'print').mockReturnValue(undefined);
    try {
      const log = { error: write, warning: write, info: write, debug: write };
      const { agent } = agentWith([{ port: 7, handler: echo }], {}, { log });
      const tunnel = await tunnelOf(agent);
      await tunnel.open(1, 7);
      await agent.stop();
      expect(printed.mock.calls).toEqual([
        [2, expect.stringContaining('the log of the application has failed: handler is broken\n')],
      ]);
    } finally {
      printed.mockRestore();
    }
  });

  it('serves requests and WebSockets by the listener of an application', async () => {
    const sockets = new WebSocketServer({ noServer: true });
    sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`heard ${text}`)));
    const handler = httpHandler((request, response) => void response.end(`asked ${request.url}`), {
      webSockets: sockets,
    });
    const { agent } = agentWith([{ port: 80, handler }]);
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 80);
    tunnel.send(1, ascii('GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
    await tunnel.saw('close 1');
    expect(tunnel.received(1).text).toContain('asked /a');
    await tunnel.open(2, 80);
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    tunnel.send(
      2,
      ascii(
        `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${key}\r\n\r\n`,
      ),
    );
    await eventually(() => expect(tunnel.received(2).text).toContain('101 Switching Protocols'));
    // A masked text frame (RFC 6455 section 5.2) with the key zero.
    tunnel.send(2, Uint8Array.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    await eventually(() => expect(tunnel.received(2).text).toContain('heard hi'));
  });

  it('asks functions for the password at each attempt, and names the one that fails', async () => {
    const passwords = ['one', 'two'];
    const seen: (string | undefined)[] = [];
    server.on('upgrade', ({ headers }) => seen.push(headers.authorization));
    const password = async () => passwords.shift() ?? fail();
    const { agent, events } = agentWith([{ port: 7, handler: echo }], {
      device: { id: 'dev1', domain: 'dom', password },
    });
    const first = await tunnelOf(agent);
    first.socket.close(1001);
    await eventually(() => expect(agent.status.state).toBe('waiting'));
    agent.retry();
    await eventually(() => expect(agent.status.connects).toBe(2));
    const basic = (text: string) => `Basic ${btoa(`dev1@dom:${text}`)}`;
    expect(seen).toEqual([basic('one'), basic('two')]);
    tunnels.at(-1)?.socket.close(1001);
    await eventually(() => expect(agent.status.state).toBe('waiting'));
    agent.retry();
    await eventually(() =>
      expect(events.at(-1)).toMatchObject(['disconnected', { reason: 'device.password: handler is broken' }]),
    );
  });

  it('sends properties that functions give', async () => {
    const seen: unknown[] = [];
    server.on('upgrade', ({ headers }) => seen.push(headers['x-ptth-set-property']));
    const properties = { fixed: 1, load: () => 0.5, model: async () => 'm 7\nsecond', broken: fail };
    const lines: string[] = [];
    const log = { error() {}, info() {}, warning: (text: string) => void lines.push(text) };
    const { agent } = agentWith(
      [{ port: 7, handler: echo }],
      { device: { id: 'dev1', domain: 'dom', password: 'p', properties } },
      { log },
    );
    await tunnelOf(agent);
    expect(seen[0]).toMatch(/load="?0\.5/);
    expect(seen[0]).toMatch(/model="m 7"/);
    expect(seen[0]).not.toContain('broken');
    expect(lines).toContain('device.properties.broken: handler is broken');
  });

  it('is waited for, awaited once, and looped over', async () => {
    const { agent } = agentWith([{ port: 7, handler: echo }]);
    await expect(agent.connected()).rejects.toThrow('the agent is stopped');
    const loop = agent.events(['state', 'connected']);
    const one = agent.once('connected');
    agent.start();
    expect(await agent.connected()).toMatchObject({ state: 'connected' });
    expect(await agent.connected(AbortSignal.timeout(60_000))).toMatchObject({ connects: 1 });
    expect(await one).toMatchObject({ reflector });
    const types: string[] = [];
    for await (const event of loop) {
      types.push(event.type === 'state' ? event.state : event.type);
      if (event.type === 'connected') break;
    }
    expect(types).toEqual(['connecting', 'connected', 'connected']);
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });

  it('rejects what waits when its signal is aborted, or the agent stopped', async () => {
    const { agent } = agentWith([{ port: 7, handler: echo }], { reflector: 'http://127.0.0.1:1/' });
    agent.start();
    const waiting = agent.connected();
    const controller = new AbortController();
    const { signal } = controller;
    const rest = [
      agent.connected(signal),
      agent.once('connected', signal),
      agent.events(['connected'], { signal }).next(),
    ];
    controller.abort(new Error('too late'));
    for (const one of rest) await expect(one).rejects.toThrow('too late');
    await expect(agent.connected(signal)).rejects.toThrow('too late');
    await expect(agent.once('connected', signal)).rejects.toThrow('too late');
    await expect(agent.events(['connected'], { signal }).next()).rejects.toThrow('too late');
    await agent[Symbol.asyncDispose]();
    await expect(waiting).rejects.toThrow('the agent is stopped');
  });

  it('stops when the signal of its options is aborted', async () => {
    const controller = new AbortController();
    const { agent } = agentWith([{ port: 7, handler: echo }], {}, { signal: controller.signal });
    const { socket } = await tunnelOf(agent);
    const closed = once(socket, 'close');
    controller.abort(new Error('the application ends'));
    expect((await closed)[0]).toBe(1001);
    expect(() => agent.start()).toThrow('the application ends');
  });

  it('dials at once when it is started while it is being disabled', async () => {
    const { agent, events } = agentWith([{ port: 7, handler: echo }], {
      reconnect: { min: 3600, max: 3600 },
    });
    await tunnelOf(agent);
    events.length = 0;
    agent.disable();
    agent.start();
    await eventually(() => expect(agent.status).toMatchObject({ state: 'connected', connects: 2 }));
    expect(events.map(([name]) => name)).toEqual(['disconnected', 'connecting', 'connected']);
  });

  it('is one of several in a process', async () => {
    const agents = [7, 8].map((port) => agentWith([{ port, handler: echo }]).agent);
    const [first, second] = [await tunnelOf(agents[0] as Agent), await tunnelOf(agents[1] as Agent)];
    await first.open(1, 7);
    await second.open(1, 8);
    first.send(1, pattern(1000));
    await agents[1]?.stop();
    await eventually(() => expect(first.received(1).length).toBe(1000));
    expect(second.received(1).length).toBe(0);
  });
});

describe('what an application passes', () => {
  const device = { id: 'a', domain: 'b' };
  const services = [{ port: 80, handler: echo }];
  const base = { reflector: 'http://127.0.0.1/', device, services };
  const cycle: Record<string, unknown> = { ...base };
  cycle.tls = cycle;

  it.each<[string, unknown, unknown, string]>([
    ['nothing', undefined, undefined, 'the configuration: found nothing, needed is an object'],
    ['text', 'x', undefined, 'the configuration: found text, needed is an object'],
    ['null', null, undefined, 'the configuration: found null, needed is an object'],
    [
      'a handler of text',
      { ...base, services: [{ port: 1, handler: 'x' }] },
      {},
      'services[0].handler: found text, allowed is a function',
    ],
    [
      'a function elsewhere',
      { ...base, target: () => 'x' },
      {},
      'target: found a function, allowed are functions for services[].handler, device.password, proxy.password and device.properties.NAME',
    ],
    [
      'a number that is none',
      { ...base, timeouts: { connect: Number.NaN } },
      {},
      'timeouts.connect: found NaN, allowed is what JSON knows',
    ],
    [
      'a bigint',
      { ...base, timeouts: { connect: 1n } },
      {},
      'timeouts.connect: found a bigint, allowed is what JSON knows',
    ],
    [
      'a date',
      { ...base, timeouts: new Date(0) },
      {},
      'timeouts: found an object of class Date, allowed is what JSON knows',
    ],
    ['a cycle', cycle, {}, 'tls: found an object within itself, allowed is what JSON knows'],
    ['options of null', base, null, 'options: needed is an object'],
    [
      'an unknown option',
      base,
      { logger: console },
      'options.logger: unknown, allowed are log, access, admit, signal',
    ],
    [
      'a log of text',
      base,
      { log: 'info' },
      'options.log: found string, allowed is null, console, a pino logger, or the functions error, warning, info and debug',
    ],
    [
      'half a log',
      base,
      { log: { error() {} } },
      'options.log: found no function warn, allowed is null, console, a pino logger, or the functions error, warning, info and debug',
    ],
    [
      'an access that is no function',
      base,
      { access: true },
      'options.access: found boolean, allowed is a function',
    ],
    ['a signal that is none', base, { signal: {} }, 'options.signal: allowed is an AbortSignal'],
  ])('is an error at construction: %s', (_name, configuration, options, message) => {
    const make = () => Reflect.construct(Agent, [configuration, options]);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });

  it('may come from another realm, and have keys that are undefined', () => {
    const foreign = runInNewContext(
      '({ reflector: "http://127.0.0.1/", device: { id: "a", domain: "b" }, services: [{ port: 80 }], proxy: undefined })',
    );
    expect(new Agent(foreign).status.state).toBe('stopped');
  });

  it('has a warning for each key that only the program heeds', () => {
    const lines: string[] = [];
    const log = { error() {}, info() {}, warning: (text: string) => void lines.push(text) };
    Reflect.construct(Agent, [{ ...base, log: { level: 'debug' }, control: '/s' }, { log }]);
    expect(lines).toEqual([
      'control: only the program rm-agent heeds it',
      'log: only the program rm-agent heeds it',
    ]);
  });
});

describe('an enrolment', () => {
  it('is kept in the state file of the application', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rm-sdk-'));
    const stateFile = join(folder, 'of-this-agent');
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.setHeader('Content-Length', 16);
      response.end('{"domain":"dom"}');
    });
    const upgrade = new Promise<string | undefined>((resolve) =>
      server.on('upgrade', ({ headers }, socket) => {
        resolve(headers.authorization);
        socket.destroy();
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const agent = new Agent({
      services: [{ port: 9 }],
      reflector: `http://127.0.0.1:${port}/`,
      device: { id: 'pump-7', enroll: { key: 'rme_0123456789abcdef', hardware: 'board 1' } },
      stateFile,
    });
    agent.start();
    const [scheme, credentials = ''] = `${await upgrade}`.split(' ');
    await agent.stop();
    server.close();
    expect([scheme, asked]).toEqual(['Basic', ['POST /my-devices/api/enroll']]);
    expect(Buffer.from(credentials, 'base64').toString()).toMatch(/^pump-7@dom:.{44}$/);
    expect(await readFile(stateFile, 'utf8')).toMatch(/^secret \S+\ndevice pump-7@dom /);
    await rm(folder, { recursive: true });
  });
});

describe('a decision about each connection', () => {
  it.each([
    ['true', () => true, 'confirm 1'],
    ['false', async () => false, `fault 1 ${ChannelError.refused}`],
    ['an exception', fail, `fault 1 ${ChannelError.refused}`],
  ])('of %s', async (_name, decision, answer) => {
    const asked: number[] = [];
    const failures: string[] = [];
    const { agent } = agentWith(
      [{ port: 7, handler: echo }],
      {},
      {
        admit: ({ port }) => {
          asked.push(port);
          return decision();
        },
      },
    );
    agent.on('error', ({ source, port }) => failures.push(`${source} ${port}`));
    const tunnel = await tunnelOf(agent);
    tunnel.socket.send(encodeWord(Opcode.openRequest, 1, 7));
    await tunnel.saw(answer);
    expect(asked).toEqual([7]);
    expect(failures).toEqual(decision === fail ? ['access 7'] : []);
  });

  it('comes before the consent of a person', async () => {
    const asked: string[] = [];
    const ask = (name: string) => async () => {
      asked.push(name);
      return true;
    };
    const { agent } = agentWith(
      [{ port: 7, handler: echo }],
      { access: { mode: 'consent' } },
      { admit: ask('admit'), access: ask('access') },
    );
    const tunnel = await tunnelOf(agent);
    await tunnel.open(1, 7);
    await tunnel.open(2, 7);
    expect(asked).toEqual(['admit', 'access', 'admit']);
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
