import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles } from '../../simulation/host.ts';
import { LocalService } from '../../simulation/local-service.ts';
import { agentOn, connected } from '../../simulation/running-agent.ts';
import { version } from '../config/version.ts';

describe('the upgrade', () => {
  it('sends the identity of the device, its services and abilities', () => {
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

  it('sends the settings of single services', () => {
    const host = new AgentHost();
    connected(host, {
      services: [
        { port: 80, kind: 'http' },
        { port: 443, kind: 'https' },
        {
          port: 631,
          kind: 'http',
          target: '192.168.1.20',
          host: 'localhost:631',
          forwarded: false,
          headers: 'few',
          connections: 1,
          responseTimeout: 600,
        },
      ],
    });
    const sent = host.reflector.last.requests[0]?.headers.all('x-ptth-set-property') ?? [];
    expect(sent.filter((line) => line.startsWith('device;service'))).toEqual([
      'device;service-443="kind=https"',
      'device;service-631="target=192.168.1.20; host=localhost:631; forwarded=no; headers=few; connections=1; responseTimeout=600"',
    ]);
  });

  it('leaves out a property whose command fails, and logs why', () => {
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

describe('the route to the reflector', () => {
  const given = {
    reflector: ['http://away.example/', 'http://r.example/'],
    proxy: ['http://user:s3cret@p.example:3128', 'direct'],
  };

  it('is in log, status and events, without secrets', () => {
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

  it('that has changed nothing is not logged', () => {
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

  it('is a shorter keep-alive time if silent links were cut, also in log and status', () => {
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

describe('an agent whose listener', () => {
  it.each(['connecting', 'connected', 'disconnected', 'state', 'channel'] as const)(
    'stops it on %s holds nothing afterwards, and starts again',
    (name) => {
      const host = new AgentHost();
      const { agent } = agentOn(host);
      let stopped = 0;
      const stop = () => {
        agent.off(name, stop);
        agent.stop(() => stopped++);
      };
      agent.on(name, stop);
      agent.start();
      if (name === 'disconnected' || name === 'channel') {
        host.clock.until('agent is connected', () => agent.status().state === 'connected');
        if (name === 'channel') host.reflector.peer.open(1, 80);
        else host.reflector.last.socket.destroy();
      }
      host.clock.until('agent is stopped', () => stopped === 1 && agent.status().state === 'stopped', 5000);
      host.clock.advance(5000);
      expect(host.handles).toEqual(noHandles);
      agent.start();
      host.clock.until('agent is connected', () => agent.status().state === 'connected');
    },
  );
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
