import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import type { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles } from '../../simulation/host.ts';
import { control, hostWith, logOf, rmAgent } from '../../simulation/rm-agent.ts';

describe('SIGHUP', () => {
  const rewrite = (host: AgentHost, given: object) => {
    host.files.content.set('/etc/rm-agent.json', hostWith(given).files.read('/etc/rm-agent.json', 1e6));
    host.system.signals.get('SIGHUP')?.();
    host.clock.advance(5000);
  };

  it('leaves a live tunnel alone when nothing has changed', () => {
    const host = hostWith();
    rmAgent(host);
    rewrite(host, {});
    expect(host.reflector.connections).toHaveLength(1);
  });

  it('brings a configuration that has changed into force, over one new tunnel', () => {
    const host = hostWith();
    rmAgent(host);
    rewrite(host, { services: [{ port: 8080 }], control: '/run/other.sock' });
    expect(host.reflector.connections).toHaveLength(2);
    expect(host.reflector.connections[0]?.isClosed).toBe(true);
    const sent = host.reflector.last.requests[0]?.headers.all('x-ptth-set-property');
    expect(sent).toContain('device;targetPorts=8080');
    expect([...host.network.paths.keys()]).toEqual(['/run/other.sock']);
    expect(logOf(host)).toContain('info the configuration has changed');
    host.system.signals.get('SIGTERM')?.();
    host.clock.advance(3000);
    expect(host.system.exitStatus).toBe(0);
    expect(host.handles).toEqual(noHandles);
  });

  it('counts what was changed while an earlier change took effect', () => {
    const host = hostWith();
    rmAgent(host);
    const write = (port: number) =>
      host.files.content.set(
        '/etc/rm-agent.json',
        hostWith({ services: [{ port }] }).files.read('/etc/rm-agent.json', 1e6),
      );
    write(8080);
    host.system.signals.get('SIGHUP')?.();
    write(8081);
    host.system.signals.get('SIGHUP')?.();
    host.clock.advance(10_000);
    const sent = host.reflector.last.requests[0]?.headers.all('x-ptth-set-property');
    expect(sent).toContain('device;targetPorts=8081');
    expect(JSON.parse(rmAgent(host, 'status', '--json').out).state).toBe('connected');
  });

  it('brings another program, another log and other secrets into force, too', () => {
    const host = hostWith();
    rmAgent(host);
    host.system.variables.set('RM_PASSWORD', 'hunter2');
    rewrite(host, {
      device: { id: 'i', domain: 'd', password: { env: 'RM_PASSWORD' } },
      notify: { command: 'missing' },
      log: { to: 'syslog' },
    });
    expect(host.processes.runs.length).toBeGreaterThan(0);
    for (const { options } of host.processes.runs) expect(options.environment?.RM_PASSWORD).toBe('');
    expect(host.system.logged).toContainEqual([4, 'notify: missing: no such file']);
  });

  it('keeps the old one when the new one is wrong, in one line', () => {
    const host = hostWith();
    rmAgent(host);
    const lines = logOf(host).length;
    rewrite(host, { reflector: 'ftp://x', services: [{ port: 0 }] });
    expect(host.reflector.connections).toHaveLength(1);
    expect(logOf(host).slice(lines - 1)).toEqual([
      expect.stringMatching(
        /^error the configuration stays as it was: \/etc\/rm-agent.json:1:\d+: \S+: found .* \(and 1 more\)$/,
      ),
      '',
    ]);
    rewrite(host, {});
    expect(host.reflector.connections).toHaveLength(1);
  });

  it('is kept from a tunnel that is up by a file that is missing, and only from that', () => {
    const host = hostWith();
    rmAgent(host);
    const changed = { device: { id: 'dev1', domain: 'dom', password: { file: '/secret' } } };
    rewrite(host, changed);
    expect(host.reflector.connections).toHaveLength(1);
    expect(logOf(host).at(-2)).toMatch(/the configuration stays as it was: .*\/secret: no such file/);
    rmAgent(host, 'disable');
    rewrite(host, changed);
    rmAgent(host, 'enable');
    expect(host.reflector.connections).toHaveLength(1);
    host.files.content.set('/secret', ascii('hunter2\n'));
    rmAgent(host, 'retry');
    expect(host.reflector.connections).toHaveLength(2);
  });

  it('does not turn on what is turned off', () => {
    const host = hostWith();
    rmAgent(host);
    rmAgent(host, 'disable');
    rewrite(host, { services: [{ port: 8080 }] });
    expect(JSON.parse(rmAgent(host, 'status', '--json').out).state).toBe('disabled');
    rmAgent(host, 'enable');
    expect(host.reflector.connections).toHaveLength(2);
  });

  it.each(['SIGHUP', 'SIGTERM'] as const)('followed by %s while it takes effect', (signal) => {
    const host = hostWith();
    rmAgent(host);
    host.files.content.set(
      '/etc/rm-agent.json',
      hostWith({ services: [{ port: 8080 }] }).files.read('/etc/rm-agent.json', 1e6),
    );
    host.system.signals.get('SIGHUP')?.();
    host.system.signals.get(signal)?.();
    host.clock.advance(5000);
    expect(host.system.exitStatus).toBe(signal === 'SIGTERM' ? 0 : null);
    expect(host.reflector.connections).toHaveLength(signal === 'SIGTERM' ? 1 : 2);
  });
});

describe('a secret that is written after the start', () => {
  it.each([null, '', '\n'])('is waited for: %j', (before) => {
    const host = hostWith({ device: { id: 'dev1', domain: 'dom', password: { file: '/secret' } } });
    if (before !== null) host.files.content.set('/secret', ascii(before));
    expect(rmAgent(host, 'run').status).toBeNull();
    const { out } = rmAgent(host, 'status');
    expect(out).toMatch(/state: +waiting/);
    const reason = before === null ? 'cannot be read: no such file' : 'is empty';
    expect(out).toContain(`device.password: the secret file /secret ${reason}\n`);
    expect(rmAgent(host, 'check')).toMatchObject({ status: 69 });
    host.files.content.set('/secret', ascii('hunter2\n'));
    host.clock.advance(300_000);
    expect(host.reflector.connections).toHaveLength(1);
  });
});

describe('consent', () => {
  it('is asked of a program that never sees a secret', () => {
    const access = { mode: 'consent', ask: 'ask me' };
    const device = { id: 'i', domain: 'd', password: { env: 'RM_PASSWORD' } };
    const host = hostWith({
      access,
      device,
      services: [{ port: 22, name: 'Shell' }],
      proxy: 'http://u:${env.PROXY_SECRET}@192.0.2.1:80',
      notify: { command: 'notify' },
    });
    host.system.variables.set('RM_PASSWORD', 'hunter2');
    host.system.variables.set('PROXY_SECRET', 'hunter3');
    host.reflector.answer = ({ method }) => (method === 'CONNECT' ? 'HTTP/1.1 200 OK\r\n\r\n' : 'accept');
    host.processes.results.set('ask me', {});
    host.processes.results.set('notify', {});
    rmAgent(host);
    host.reflector.peer.open(3, 22);
    host.clock.advance(100);
    const asked = host.processes.runs.filter(({ command }) => command === 'ask me');
    expect(asked.map(({ options }) => options)).toEqual([
      {
        timeoutMs: 60_000,
        maxOutputBytes: 0,
        environment: {
          RM_PORT: '22',
          RM_SERVICE: 'Shell',
          RM_CHANNEL: '3',
          RM_TIMEOUT: '60',
          RM_PASSWORD: '',
          PROXY_SECRET: '',
        },
      },
    ]);
    expect(host.processes.runs.every(({ options }) => options.environment?.RM_PASSWORD === '')).toBe(true);
  });

  it('is asked, as all programs are run, without the passwords of the proxies in the environment', () => {
    const host = hostWith({
      access: { mode: 'consent', ask: 'ask' },
      services: [{ port: 22 }],
      device: { id: 'i', domain: 'd', properties: { uptime: { command: 'uptime' } } },
      proxy: ['env', 'direct'],
      notify: { command: 'notify' },
    });
    const secret = 'http://u:hunter2@192.0.2.1:80';
    for (const name of ['http_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy'])
      host.system.variables.set(name, secret);
    host.system.variables.set('https_proxy', 'http://192.0.2.1:80');
    host.system.variables.set('no_proxy', '10.0.0.0/8');
    host.reflector.answer = ({ method }) => (method === 'CONNECT' ? 'HTTP/1.1 200 OK\r\n\r\n' : 'accept');
    for (const name of ['ask', 'notify', 'uptime']) host.processes.results.set(name, {});
    rmAgent(host);
    host.reflector.peer.open(3, 22);
    host.clock.advance(100);
    const { runs } = host.processes;
    expect(new Set(runs.map(({ command }) => command))).toEqual(new Set(['ask', 'notify', 'uptime']));
    for (const { options } of runs) {
      const { http_proxy, https_proxy, no_proxy, ...rest } = options.environment ?? {};
      expect([http_proxy, https_proxy, no_proxy]).toEqual(['', undefined, undefined]);
      expect(rest).toMatchObject({ HTTP_PROXY: '', HTTPS_PROXY: '', all_proxy: '' });
    }
  });

  it('waits for rm-agent consent, and status shows it', () => {
    const host = hostWith({ access: { mode: 'consent' } });
    rmAgent(host);
    expect(rmAgent(host, 'consent', 'allow')).toMatchObject({
      err: 'nothing waits for consent\n',
      status: 69,
    });
    host.reflector.peer.open(3, 22);
    host.clock.advance(100);
    expect(rmAgent(host, 'status').out).toMatch(
      /\nconsent: +port 22: waits for "rm-agent consent", [^,]+ left, 1 waiting\n/,
    );
    expect(rmAgent(host, 'consent', 'allow', '9999').err).toBe('nothing waits for consent to port 9999\n');
    expect(rmAgent(host, 'consent', 'refuse', '22').status).toBe(0);
    expect(host.reflector.peer.take()).toEqual(['fault 3 3']);
    expect(logOf(host)).toContain('info access to port 22 refused at the device');
  });
});

describe('notify', () => {
  it('gets each state, the last one before the end', () => {
    const host = hostWith({ notify: { command: ['notify', 'x y'] } });
    host.processes.results.set('notify x y', {});
    rmAgent(host);
    host.system.signals.get('SIGTERM')?.();
    host.clock.advance(3000);
    expect(host.processes.runs.map(({ options }) => options.environment?.RM_STATE)).toEqual([
      'connecting',
      'connected',
      'stopped',
    ]);
    expect([host.system.exitStatus, host.handles]).toEqual([0, noHandles]);
  });
});

describe('the control socket', () => {
  const caller = (host: AgentHost, line: string) => {
    const socket = host.network.connectLocal(control, {
      connected: () => socket.write(ascii(line)),
      data: () => undefined,
      taken: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    });
  };

  it('drops a client that sends nothing', () => {
    const host = hostWith({ start: 'disabled' });
    rmAgent(host);
    caller(host, 'sta');
    host.clock.advance(4000);
    expect(host.handles.timers).toBe(1);
    host.clock.advance(2000);
    expect(host.handles.timers).toBe(0);
  });

  it('has time for 16 callers at once', () => {
    const host = hostWith({ start: 'disabled' });
    rmAgent(host);
    for (let i = 0; i < 16; i++) caller(host, '');
    host.clock.advance(100);
    let answer = '';
    const socket = host.network.connectLocal(control, {
      connected: () => socket.write(ascii('status\n')),
      data: (bytes, start, end) => {
        answer += String.fromCharCode(...bytes.subarray(start, end));
      },
      taken: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    });
    host.clock.advance(100);
    expect(JSON.parse(answer)).toEqual({ error: 'too many callers at once' });
    host.clock.advance(6000);
    expect(rmAgent(host, 'status').status).toBe(0);
  });
});
