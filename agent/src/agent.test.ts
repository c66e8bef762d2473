import { describe, expect, it } from 'vitest';
import { AgentCore } from './agent.ts';
import type { AgentEvents } from './events.ts';
import { AgentHost } from './host/simulated/agent-host.ts';
import { ascii, pattern } from './host/simulated/bytes.ts';
import { noHandles } from './host/simulated/host.ts';
import { LocalService } from './host/simulated/local-service.ts';
import type { Handlers } from './services.ts';
import { version } from './version.ts';

function agentOn(host: AgentHost, given: object = {}, handlers?: Handlers) {
  const agent = new AgentCore(host, host.configure(given), host.log, handlers ? { handlers } : {});
  const events: [string, unknown][] = [];
  for (const name of ['connecting', 'connected', 'disconnected', 'channel'] as const) {
    agent.on(name, (event: AgentEvents[typeof name]) => events.push([name, event]));
  }
  const until = (state: string, limitMs?: number) =>
    host.clock.until(`agent is ${state}`, () => agent.status().state === state, limitMs);
  return { agent, events, until };
}

function connected(host: AgentHost, given?: object) {
  const made = agentOn(host, given);
  made.agent.start();
  made.until('connected');
  host.clock.advance(100);
  return made;
}

describe('the upgrade', () => {
  it('says who the device is, what it offers and what it can do', () => {
    const host = new AgentHost();
    host.processes.results.set('uptime -p', { output: ascii('up 5 minutes\nmore\n') });
    connected(host, {
      device: {
        id: 'dev1',
        domain: 'dom',
        password: 's3cret',
        name: 'Pump 7',
        version: '1.4.2',
        tenant: 't',
        properties: { serial: 'SN-1', uptime: { command: 'uptime -p' }, count: 3, on: true },
      },
      timeouts: { keepAlive: 60 },
    });
    const { method, headers } = host.reflector.last.requests[0] ?? {};
    expect(method).toBe('GET');
    expect(headers?.fields.map(([name, value]) => `${name}: ${value}`)).toEqual([
      'Host: r.example',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      expect.stringMatching(/^Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==$/),
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.server/1.0',
      'Authorization: Basic ZGV2MUBkb206czNjcmV0',
      `User-Agent: rm-agent/${version} (Linux/6.1.0; mips)`,
      'X-WebTunnel-KeepAlive: 60',
      'X-WebTunnel-Extensions: max-frame=65536, window=262144',
      'X-PTTH-Set-Property: device;targetHost=127.0.0.1',
      'X-PTTH-Set-Property: device;targetPorts=80, 22, 9000',
      'X-PTTH-Set-Property: device;httpPath="/ui/"',
      'X-PTTH-Set-Property: device;httpPort=80',
      'X-PTTH-Set-Property: device;sshPort=22',
      'X-PTTH-Set-Property: device;name="Pump 7"',
      'X-PTTH-Set-Property: device;version="1.4.2"',
      'X-PTTH-Set-Property: device;tenant="t"',
      'X-PTTH-Set-Property: device;serial="SN-1"',
      'X-PTTH-Set-Property: device;uptime="up 5 minutes"',
      'X-PTTH-Set-Property: device;count="3"',
      'X-PTTH-Set-Property: device;on="true"',
    ]);
  });

  it('leaves out a property whose command fails, and says why', () => {
    const host = new AgentHost();
    host.processes.results.set('bad', { status: 3 });
    host.processes.results.set('slow', { status: 137, timedOut: true });
    const properties = { a: { command: 'bad' }, b: { command: ['slow'] }, c: { command: 'missing' }, d: 'x' };
    connected(host, { device: { id: 'i', domain: 'd', properties } });
    const sent = host.reflector.last.requests[0]?.headers.all('x-ptth-set-property') ?? [];
    expect(sent.slice(-1)).toEqual(['device;d="x"']);
    expect(host.lines.filter((line) => line.startsWith('warning'))).toEqual([
      'warning device.properties.a: bad: status 3',
      'warning device.properties.b: slow: no end within 10 s',
      'warning device.properties.c: missing: no such file',
    ]);
  });

  it('reads the secret anew for each attempt', () => {
    const host = new AgentHost();
    host.files.content.set('/secret', ascii('old\n'));
    const { until, agent } = agentOn(host, {
      device: { id: 'i', domain: 'd', password: { file: '/secret' } },
    });
    host.reflector.answer = () => 'HTTP/1.1 401 No\r\n\r\n';
    agent.start();
    until('waiting');
    host.files.content.set('/secret', ascii('new'));
    agent.retry();
    until('connecting');
    until('waiting');
    host.files.content.delete('/secret');
    agent.retry();
    until('waiting');
    expect(agent.status().lastError).toBe(
      'device.password: the secret file /secret cannot be read: no such file',
    );
    const sent = host.reflector.connections.map(({ requests }) => requests[0]?.headers.get('authorization'));
    expect(sent).toEqual([`Basic ${btoa('i@d:old')}`, `Basic ${btoa('i@d:new')}`]);
    expect(host.lines.join('\n')).not.toMatch(/old|new/);
  });
});

describe('the way out', () => {
  const given = {
    reflector: ['http://away.example/', 'http://r.example/'],
    proxy: ['http://user:s3cret@p.example:3128', 'direct'],
  };

  it('is told in log, status and events, without secrets', () => {
    const host = new AgentHost();
    host.network.names.set('p.example', ['203.0.113.1']);
    host.network.listen('203.0.113.1', 3128, (socket) => host.reflector.take(socket));
    host.reflector.answer = ({ method, target }) => {
      if (method !== 'CONNECT') return 'accept';
      return target === 'r.example:80' ? 'HTTP/1.1 200 x\r\n\r\n' : 'HTTP/1.1 503 Away\r\n\r\n';
    };
    const { agent, events } = connected(host, given);
    expect(agent.status()).toMatchObject({
      reflector: 'http://away.example/, http://r.example/',
      connectedTo: 'http://r.example/',
      proxy: 'http://p.example:3128',
    });
    expect(events).toMatchObject([
      ['connecting', { reflector: 'http://away.example/, http://r.example/' }],
      ['connected', { reflector: 'http://r.example/', proxy: 'http://p.example:3128' }],
    ]);
    const [tried, live] = host.lines.filter((line) => !line.startsWith('debug'));
    expect(tried).toBe(
      'warning tried first: proxy p.example:3128 answered 503 Away to CONNECT away.example:80; ' +
        'away.example: name not found (without proxy)',
    );
    expect(live).toMatch(
      /^info connected to http:\/\/r\.example\/ through proxy http:\/\/p\.example:3128 \(/,
    );
    expect(JSON.stringify([host.lines, events, agent.status()])).not.toContain('s3cret');
  });

  it('that has changed nothing is no news', () => {
    const host = new AgentHost();
    const { agent, until } = connected(host, given);
    host.reflector.last.socket.destroy();
    until('waiting');
    agent.retry();
    until('connected');
    expect(host.lines.filter((line) => line.includes('tried first'))).toHaveLength(1);
  });
});

describe('what is in force', () => {
  it.each([
    ['max-frame=4096, window=8192', { maxFrame: 4096, window: 8192 }],
    ['max-frame=999999, window=999999', { maxFrame: 65_536, window: 262_144 }],
    ['window=8192', null],
    ['max-frame=x, window=1', null],
  ])('after the answer "%s"', (header, extension) => {
    const host = new AgentHost();
    host.reflector.fields = [['X-WebTunnel-Extensions', header]];
    const { events } = connected(host);
    expect(events.at(-1)).toEqual([
      'connected',
      { reflector: 'http://r.example/', proxy: null, extension, keepAliveMs: 300_000 },
    ]);
    expect(host.lines.some((line) => line.startsWith('warning'))).toBe(header.includes('x, '));
  });

  it.each([
    ['25', 25_000],
    ['0', 300_000],
    ['86401', 300_000],
    ['soon', 300_000],
  ])('is the keep-alive time of the reflector, if it makes sense: %s', (value, keepAliveMs) => {
    const host = new AgentHost();
    host.reflector.fields = [['X-WebTunnel-KeepAlive', value]];
    const { events } = connected(host);
    expect(events.at(-1)?.[1]).toMatchObject({ keepAliveMs });
    host.clock.advance(keepAliveMs - 1000);
    expect(host.reflector.peer.take()).toEqual([]);
    host.clock.advance(1000);
    expect(host.reflector.peer.take()).toEqual(['ping']);
  });

  it('is a shorter keep-alive time where silent links were cut, and the log and the status say so', () => {
    const host = new AgentHost();
    host.network.forgetsAfterMs = 200_000;
    const { agent } = connected(host);
    host.clock.advance(3_600_000);
    expect(agent.status().keepAliveMs).toBe(150_000);
    expect(host.lines.at(-1)).toBe(
      'info connected to http://r.example/ (no extension, keep-alive 150 s in place of 300 s, because silent links were cut)',
    );
  });
});

describe('an agent that is connected and idle', () => {
  it('writes nothing all day, has one timer, and wakes up for PING and PONG alone', () => {
    const host = new AgentHost();
    connected(host);
    const lines = host.lines.length;
    host.reflector.peer.take();
    const schedule = host.clock.schedule.bind(host.clock);
    let scheduled = 0;
    host.clock.schedule = (...given) => {
      scheduled++;
      return schedule(...given);
    };
    host.clock.advance(86_400_000);
    expect(host.lines).toHaveLength(lines);
    expect(host.handles.timers).toBe(1);
    const pings = host.reflector.peer.take();
    expect(new Set(pings)).toEqual(new Set(['ping']));
    expect(pings.length).toBeLessThanOrEqual(288);
    // For each PING one timer, and one that finds the answer there.
    expect(scheduled).toBeLessThanOrEqual(3 * 288);
    expect(host.reflector.connections).toHaveLength(1);
  });
});

describe('events and status', () => {
  it('tell of channels and of the bytes they carried', () => {
    const host = new AgentHost();
    const service = new LocalService(host.network, 22);
    const { agent, events } = connected(host);
    events.length = 0;
    const { peer } = host.reflector;
    peer.open(5, 22);
    host.clock.advance(100);
    expect(agent.status().channels).toBe(1);
    peer.data(5, pattern(10));
    service.last.socket.write(pattern(3));
    host.clock.advance(100);
    expect(agent.status()).toMatchObject({ channels: 1, received: 10, sent: 3 });
    service.last.socket.destroy();
    peer.open(6, 9000);
    host.clock.advance(100);
    const channel = { channel: 5, port: 22, error: null };
    expect(events).toEqual([
      ['channel', { ...channel, state: 'open', received: 0, sent: 0 }],
      ['channel', { ...channel, state: 'closed', received: 10, sent: 3, error: 'socket error' }],
      [
        'channel',
        { state: 'closed', channel: 6, port: 9000, received: 0, sent: 0, error: 'connection refused' },
      ],
    ]);
    expect(agent.status()).toMatchObject({
      state: 'connected',
      channels: 0,
      received: 10,
      sent: 3,
      connects: 1,
      connectedTo: 'http://r.example/',
      keepAliveMs: 300_000,
      lastError: null,
    });
  });

  it('tell of each change of state once, with its reason', () => {
    const host = new AgentHost();
    const { agent, until } = agentOn(host);
    const seen: string[] = [];
    agent.on('state', ({ previous, state, reason }) => seen.push(`${previous} > ${state}: ${reason}`));
    agent.start();
    until('connected');
    host.reflector.peer.closeTunnel(1001);
    until('waiting');
    expect(agent.status()).toMatchObject({ connectedTo: null, keepAliveMs: null });
    agent.disable();
    agent.disable();
    agent.stop();
    host.clock.advance(5000);
    expect(seen).toEqual([
      'stopped > connecting: null',
      'connecting > connected: null',
      'connected > waiting: closed by the reflector (1001)',
      'waiting > disabled: null',
    ]);
  });

  it('tell why a tunnel is down and when it is tried again', () => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    const before = host.clock.date();
    host.reflector.peer.closeTunnel(1001);
    until('waiting');
    const [name, event] = events.at(-1) ?? [];
    expect(name).toBe('disconnected');
    expect(event).toMatchObject({ reason: 'closed by the reflector (1001)', kind: 'fault' });
    const { nextAttemptAt, since, lastError } = agent.status();
    expect(lastError).toBe('closed by the reflector (1001)');
    expect(since).toBeGreaterThanOrEqual(before);
    expect(nextAttemptAt).toBeLessThanOrEqual(host.clock.date() + 1000);
    until('connected');
    expect(agent.status()).toMatchObject({
      connects: 2,
      nextAttemptAt: null,
      lastError: null,
      lastFailure: { reason: 'closed by the reflector (1001)', at: since },
    });
  });

  it('tell when it is tried again, although the clock was set or the network has changed meanwhile', () => {
    const host = new AgentHost();
    host.network.names.clear();
    const { agent, until } = agentOn(host, { reconnect: { min: 3600, max: 3600 } });
    agent.start();
    until('waiting');
    const inMs = () => Number(agent.status().nextAttemptAt) - host.clock.date();
    const before = inMs();
    expect(before).toBeGreaterThan(2000);
    host.clock.wallOffset += 86_400_000;
    expect(inMs()).toBeCloseTo(before, 0);
    host.network.change();
    host.clock.advance(0);
    expect(inMs()).toBeLessThanOrEqual(1500);
  });

  it('log the same failure once, however long it lasts', () => {
    const host = new AgentHost();
    host.network.names.delete('r.example');
    const { agent } = agentOn(host);
    agent.start();
    host.clock.advance(3_600_000);
    expect(host.lines.filter((line) => !line.startsWith('debug'))).toEqual([
      expect.stringMatching(/^warning not connected: r\.example: name not found; next attempt in [\d.]+ s$/),
    ]);
    expect(host.lines.filter((line) => line.includes('not connected')).length).toBeGreaterThan(10);
  });

  it('log a link that comes and goes for ever a few times a day, and each end of one that lasted', () => {
    const host = new AgentHost();
    const { agent } = connected(host);
    const flap = (times: number, lastingMs: number) => {
      for (let round = 0; round < times; round++) {
        host.clock.advance(lastingMs);
        host.reflector.last.socket.destroy();
        host.clock.until('agent is waiting', () => agent.status().state === 'waiting');
        host.clock.until('agent is back', () => agent.status().state === 'connected', 3_600_000);
      }
      return host.lines.splice(0).filter((line) => !line.startsWith('debug'));
    };
    const [, ...lines] = flap(50, 10_000);
    expect(lines.map((line) => line.replace(/:.*| to .*/, ''))).toEqual([
      'warning disconnected',
      'info connected',
      'warning disconnected',
      'info connected',
    ]);
    expect(lines[2]).toMatch(/; the like is told no more today, unless a tunnel lasts an hour$/);
    expect(flap(3, 3_700_000)).toHaveLength(6);
    agent.disable();
    host.clock.advance(5000);
    agent.start();
    host.clock.advance(5000);
    expect(host.lines.at(-1)).toMatch(/^info connected to /);
  });

  it('log failures that alternate once each', () => {
    const host = new AgentHost();
    let attempt = 0;
    host.reflector.answer = () => `HTTP/1.1 ${attempt++ % 2 === 0 ? '503 Busy' : '500 Broken'}\r\n\r\n`;
    agentOn(host).agent.start();
    host.clock.advance(20 * 3_600_000);
    expect(attempt).toBeGreaterThan(100);
    expect(host.lines.filter((line) => line.startsWith('warning'))).toHaveLength(2);
  });

  it('go to nobody who has left', () => {
    const host = new AgentHost();
    const { agent } = agentOn(host);
    let calls = 0;
    const listener = () => calls++;
    agent.on('connecting', listener);
    agent.off('connecting', listener);
    agent.start();
    host.clock.advance(1000);
    expect(calls).toBe(0);
  });
});

describe('stopping', () => {
  const situations: [string, (made: ReturnType<typeof agentOn>, host: AgentHost) => void][] = [
    ['before it was started', () => undefined],
    ['when it was disabled before', ({ agent }) => agent.disable()],
    ['while it connects', ({ agent }) => agent.start()],
    [
      'while a command runs',
      ({ agent }, host) => {
        host.processes.results.set('slow', 'silent');
        agent.start();
        host.clock.advance(500);
      },
    ],
    [
      'when it is connected',
      ({ agent, until }) => {
        agent.start();
        until('connected');
      },
    ],
    [
      'while it waits',
      ({ agent, until }, host) => {
        host.network.names.clear();
        agent.start();
        until('waiting');
      },
    ],
    [
      'when it was disabled while it was connected',
      ({ agent, until }, host) => {
        agent.start();
        until('connected');
        agent.disable();
        host.clock.advance(10_000);
      },
    ],
    [
      'when it was stopped before',
      ({ agent }, host) => {
        agent.stop();
        host.clock.advance(10_000);
      },
    ],
  ];

  it.each(situations)('%s is answered once and leaves nothing', (_name, bring) => {
    const host = new AgentHost();
    const properties = { slow: { command: 'slow' } };
    host.processes.results.set('slow', { output: ascii('x') });
    const made = agentOn(host, { device: { id: 'i', domain: 'd', properties, propertiesInterval: 60 } });
    bring(made, host);
    let calls = 0;
    made.agent.stop(() => calls++);
    host.clock.advance(3000);
    expect(calls).toBe(1);
    expect(host.handles).toEqual(noHandles);
    host.clock.advance(1_000_000);
    expect(host.handles).toEqual(noHandles);
  });

  it('tells the applications of a live agent', () => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    agent.stop();
    until('stopped');
    expect(events.at(-1)).toEqual(['disconnected', { reason: 'stopped', kind: 'fault', retryMs: null }]);
  });

  it('can be followed by a start', () => {
    const host = new AgentHost();
    const { agent, until } = connected(host);
    agent.stop();
    until('stopped');
    agent.start();
    until('connected');
    expect(agent.status().connects).toBe(2);
  });
});

describe('a switch on the device', () => {
  it('takes it off line and brings it back', () => {
    const host = new AgentHost();
    const { agent, events, until } = connected(host);
    agent.disable();
    expect(agent.status().state).toBe('disabled');
    expect(events.at(-1)).toEqual([
      'disconnected',
      { reason: 'remote access is disabled', kind: 'fault', retryMs: null },
    ]);
    host.clock.advance(100_000);
    expect(host.handles).toEqual(noHandles);
    agent.retry();
    host.clock.advance(100_000);
    expect(agent.status().state).toBe('disabled');
    agent.start();
    until('connected');
  });

  it('can be turned on again before the tunnel has closed', () => {
    const host = new AgentHost();
    const { agent, until } = connected(host);
    agent.disable();
    agent.start();
    host.clock.advance(5000);
    until('connected');
    expect(host.reflector.connections).toHaveLength(2);
  });
});

describe('properties that change', () => {
  it('are sent at their interval, those alone that have changed', () => {
    const host = new AgentHost();
    const properties = { load: { command: 'load' }, serial: 'SN-1' };
    host.processes.results.set('load', { output: ascii('1') });
    connected(host, { device: { id: 'i', domain: 'd', properties, propertiesInterval: 60 } });
    const { peer } = host.reflector;
    host.clock.advance(61_000);
    expect(peer.take()).toEqual([]);
    host.processes.results.set('load', { output: ascii('2') });
    host.clock.advance(60_000);
    expect(peer.take()).toEqual(['properties [{"name":"load","value":"2"}]']);
    host.clock.advance(60_000);
    expect(peer.take()).toEqual([]);
  });

  it('are not asked for while the tunnel is down', () => {
    const host = new AgentHost();
    host.processes.results.set('load', { output: ascii('1') });
    const { until } = connected(host, {
      device: { id: 'i', domain: 'd', properties: { load: { command: 'load' } }, propertiesInterval: 60 },
    });
    host.network.names.clear();
    host.reflector.peer.socket.destroy();
    until('waiting');
    expect(host.handles).toEqual({ ...noHandles, timers: 1 });
  });
});

describe('a service', () => {
  it('is reached at its own target', () => {
    const host = new AgentHost();
    host.network.names.set('camera', ['10.0.0.9']);
    const service = new LocalService(host.network, 80, '10.0.0.9');
    connected(host, { services: [{ port: 80, target: 'camera' }] });
    host.reflector.peer.open(1, 80);
    host.clock.advance(100);
    expect(service.connections).toHaveLength(1);
  });

  it('of kind https is reached over TLS, whatever its certificate', () => {
    const host = new AgentHost();
    const asked: boolean[] = [];
    host.network.listen(
      '127.0.0.1',
      443,
      () => ({ connected() {}, data() {}, taken() {}, ended() {}, closed() {} }),
      ({ verify }) => {
        asked.push(verify);
        return { version: 'TLSv1.3', cipher: 'x', publicKeyDigest: new Uint8Array(32) };
      },
    );
    connected(host, { services: [{ port: 443, kind: 'https' }] });
    host.reflector.peer.open(1, 443);
    host.clock.advance(100);
    expect(host.reflector.peer.take()).toEqual(['confirm 1']);
    expect(asked).toEqual([false]);
  });
});

describe('the memory that the process may hold', () => {
  it.each([
    ['is 32 MiB', {}, 33_554_432],
    ['is what was configured', { memoryBytes: 8_388_608, totalBytes: 4_194_304 }, 8_388_608],
    ['is more where readers may keep more waiting', { totalBytes: 67_108_864 }, 134_217_728],
  ])('%s', (_, limits, bytes) => {
    const host = new AgentHost();
    agentOn(host, { limits });
    expect(host.system.memoryLimit).toBe(bytes);
  });
});
