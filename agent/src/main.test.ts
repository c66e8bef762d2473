import { describe, expect, it } from 'vitest';
import { failure } from './host/node/errors.ts';
import { AGENT_CONFIGURATION, AgentHost } from './host/simulated/agent-host.ts';
import { ascii } from './host/simulated/bytes.ts';
import { noHandles } from './host/simulated/host.ts';
import { main } from './main.ts';
import { version } from './version.ts';

const control = '/run/rm-agent.sock';

/** Runs `rm-agent` with these arguments; a second run on the same machine is another process of it. */
function rmAgent(host: AgentHost, ...args: string[]): { out: string; err: string; status: number | null } {
  host.system.arguments = args;
  host.system.exitStatus = null;
  host.system.printed = ['', '', ''];
  main(host);
  host.clock.advance(20_000);
  const [, out = '', err = ''] = host.system.printed;
  return { out, err, status: host.system.exitStatus };
}

function hostWith(given: object = {}): AgentHost {
  const host = new AgentHost();
  const log = { level: 'info', to: { file: '/var/log/rm' } };
  host.files.content.set(
    '/etc/rm-agent.json',
    ascii(JSON.stringify({ ...AGENT_CONFIGURATION, log, ...given })),
  );
  return host;
}

describe('rm-agent', () => {
  it('tells its version and how it is used', () => {
    expect(rmAgent(new AgentHost(), '--version')).toEqual({
      out: `rm-agent ${version}\n`,
      err: '',
      status: 0,
    });
    expect(rmAgent(new AgentHost(), '--help')).toMatchObject({ err: '', status: 0 });
  });

  it.each([['--nonsense'], ['fly'], ['status', 'x'], ['--config']])(
    'with %s ends with 64 and one line',
    (...args) => {
      const { out, err, status } = rmAgent(new AgentHost(), ...args);
      expect([out, status]).toEqual(['', 64]);
      expect(err).toMatch(/^[^\n]+\n$/);
    },
  );

  it('without a configuration ends with 78 and one line', () => {
    const { err, status } = rmAgent(new AgentHost(), 'run');
    expect(status).toBe(78);
    expect(err).toBe('/etc/rm-agent.json: cannot be read: no such file\n');
  });

  it('with a wrong configuration ends with 78 and a line for each reason', () => {
    const { err, status } = rmAgent(hostWith({ reflector: 'ftp://x', services: [{ port: 0 }] }), 'run');
    expect(status).toBe(78);
    expect(err.split('\n').filter(Boolean)).toHaveLength(2);
  });

  it('with a file that it may not look at ends with 78 and one line', () => {
    const tls = { cert: '/private/cert.pem', key: '/private/key.pem' };
    const host = hostWith({ tls });
    const { stat } = host.files;
    host.files.stat = (path) => {
      if (path.startsWith('/private/')) throw failure('access', 'permission denied');
      return stat.call(host.files, path);
    };
    const { err, status } = rmAgent(host, 'run');
    expect(status).toBe(78);
    expect(err).toMatch(/tls\.cert: \/private\/cert\.pem cannot be looked at: permission denied\n/);
  });

  it('connects, and ends with 0 on SIGTERM', () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const host = hostWith();
      expect(rmAgent(host).status).toBeNull();
      expect(host.reflector.connections).toHaveLength(1);
      host.system.signals.get(signal)?.();
      host.clock.advance(3000);
      expect(host.system.exitStatus).toBe(0);
      expect(host.handles).toEqual(noHandles);
      expect(host.network.paths.size).toBe(0);
    }
  });

  it('warns in the log that is configured, and beside the report of check, and nowhere else', () => {
    const host = hostWith({ reflector: 'https://r.example/', tls: { verify: false }, log: { to: 'syslog' } });
    const warning = expect.stringMatching(/tls\.verify: false: anybody on the way/);
    expect(rmAgent(host).err).toBe('');
    expect(host.system.logged).toContainEqual([4, warning]);
    expect(rmAgent(host, 'status').err).toBe('');
    expect(rmAgent(host, 'check').err).toEqual(warning);
  });

  it('that starts disabled holds nothing, and ends with 0 on SIGTERM', () => {
    const host = hostWith({ start: 'disabled' });
    expect(rmAgent(host).status).toBeNull();
    expect(host.reflector.connections).toEqual([]);
    expect(host.handles).toEqual(noHandles);
    host.system.signals.get('SIGTERM')?.();
    host.clock.advance(3000);
    expect(host.system.exitStatus).toBe(0);
  });

  it('dials at once on SIGHUP', () => {
    const host = hostWith();
    host.reflector.answer = () => 'HTTP/1.1 403 No\r\n\r\n';
    rmAgent(host);
    const before = host.reflector.connections.length;
    host.reflector.answer = () => 'accept';
    host.system.signals.get('SIGHUP')?.();
    host.clock.advance(100);
    expect(host.reflector.connections).toHaveLength(before + 1);
  });

  it('goes on without a control socket when another agent has it', () => {
    const host = hostWith();
    host.network.paths.set(control, 'silent');
    rmAgent(host);
    expect(host.reflector.connections).toHaveLength(1);
    const log = String.fromCharCode(...(host.files.content.get('/var/log/rm') ?? []));
    expect(log).toContain(`warning control: ${control}: another agent uses it`);
  });
});

describe('rm-agent status', () => {
  it('shows what the running agent does', () => {
    const host = hostWith();
    rmAgent(host);
    const { out, err, status } = rmAgent(host, 'status');
    expect([err, status]).toEqual(['', 0]);
    expect(out).toMatch(
      /^state: +connected for \d+ s\nreflector: +http:\/\/r\.example\/\nlast error: +none\n/,
    );
    const json = JSON.parse(rmAgent(host, 'status', '--json').out);
    expect(json).toMatchObject({ state: 'connected', channels: 0, connects: 1, version });
  });

  it('ends with 69 when no agent runs, or none answers', () => {
    expect(rmAgent(hostWith(), 'status')).toMatchObject({
      err: `no running agent answers: ${control}: no such file\n`,
      status: 69,
    });
    const host = hostWith();
    host.network.paths.set(control, 'silent');
    expect(rmAgent(host, 'status')).toMatchObject({
      err: `no running agent answers: ${control}: no answer\n`,
      status: 69,
    });
    expect(rmAgent(hostWith({ control: null }), 'status').status).toBe(69);
  });

  it('retry, disable and enable are obeyed', () => {
    const host = hostWith();
    rmAgent(host);
    expect(rmAgent(host, 'disable').out).toMatch(/^state: +disabled/);
    expect(host.handles).toEqual(noHandles);
    expect(rmAgent(host, 'enable').out).toMatch(/^state: +connecting/);
    expect(rmAgent(host, 'status').out).toMatch(/^state: +connected/);
    expect(rmAgent(host, 'retry').status).toBe(0);
    expect(host.reflector.connections).toHaveLength(2);
  });

  it('are obeyed once a connection, whatever follows', () => {
    const host = hostWith({ start: 'disabled' });
    rmAgent(host);
    const socket = host.network.connectLocal(control, {
      connected: () => {
        socket.write(ascii('enable\n'));
        host.clock.defer(100, () => socket.write(ascii('disable\n')));
      },
      data: () => undefined,
      taken: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    });
    host.clock.advance(1000);
    socket.end();
    expect(JSON.parse(rmAgent(host, 'status', '--json').out).state).toBe('connected');
    expect(host.network.sockets.size).toBe(1);
  });

  it.each(['fly\n', 'status'.repeat(100), '\n', '\xff\xfe\n'])(
    '%j from anybody else is answered with an error',
    (line) => {
      const host = hostWith();
      rmAgent(host);
      let answer = '';
      const socket = host.network.connectLocal(control, {
        connected: () => socket.write(ascii(line)),
        data: (bytes, start, end) => {
          answer += String.fromCharCode(...bytes.subarray(start, end));
        },
        taken: () => undefined,
        ended: () => socket.end(),
        closed: () => undefined,
      });
      host.clock.advance(1000);
      expect(JSON.parse(answer)).toEqual({
        error: expect.stringMatching(/^unknown command; allowed are status, retry, enable \[persist\]/),
      });
      expect(host.network.sockets.size).toBe(1);
    },
  );
});

/** The lines of the log file, without their times. */
function logOf(host: AgentHost): string[] {
  const text = String.fromCharCode(...(host.files.content.get('/var/log/rm') ?? []));
  return text.split('\n').map((line) => line.slice(25));
}

describe('a word that is to last', () => {
  const stateFile = '/var/lib/rm-agent.state';

  it.each([
    ['disable', 'enabled', 'disabled'],
    ['enable', 'disabled', 'connected'],
  ])('%s --persist counts more than "start": "%s"', (command, start, state) => {
    const host = hostWith({ start });
    rmAgent(host);
    const { out, status } = rmAgent(host, command, '--persist');
    expect(status).toBe(0);
    expect(out).toContain(`next start:   ${command}d\n`);
    expect(String.fromCharCode(...(host.files.content.get(stateFile) ?? []))).toBe(`${command}d\n`);
    const again = hostWith({ start });
    again.files.content.set(stateFile, host.files.content.get(stateFile) ?? ascii(''));
    rmAgent(again);
    expect(JSON.parse(rmAgent(again, 'status', '--json').out)).toMatchObject({
      state,
      persisted: `${command}d`,
    });
  });

  it('is not kept without being asked to', () => {
    const host = hostWith();
    rmAgent(host);
    rmAgent(host, 'disable');
    rmAgent(host, 'enable');
    expect(host.files.content.has(stateFile)).toBe(false);
  });

  it('is obeyed, and said not to last, when it cannot be written', () => {
    const host = hostWith({ log: { to: 'stderr' } });
    rmAgent(host);
    host.files.full = true;
    const { err, status } = rmAgent(host, 'disable', '--persist');
    expect(err).toContain(
      `disabled, but only until the agent ends: stateFile: ${stateFile}: no space left\n`,
    );
    expect(status).toBe(69);
    expect(JSON.parse(rmAgent(host, 'status', '--json').out)).toMatchObject({
      state: 'disabled',
      persisted: null,
    });
    const none = hostWith({ stateFile: null });
    rmAgent(none);
    expect(rmAgent(none, 'enable', '--persist').err).toContain('found null, needed is a file');
  });

  it('that cannot be read is said, and "start" counts', () => {
    const host = hostWith();
    host.files.content.set(stateFile, ascii('maybe'));
    rmAgent(host);
    expect(host.reflector.connections).toHaveLength(1);
    expect(logOf(host)[0]).toBe(
      `error stateFile: ${stateFile}: allowed is "enabled" or "disabled"; "start" counts`,
    );
  });
});

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

  it('waits for rm-agent consent, and status says who', () => {
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
  it('is told of each state, of the last before the end', () => {
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

  it('sends away who says nothing', () => {
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

describe('rm-agent check', () => {
  it('reports each step and ends with 0', () => {
    const { out, status } = rmAgent(hostWith(), 'check');
    expect(status).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual([
      'ok configuration',
      'try reflector',
      'ok resolving',
      'ok connecting',
      'ok upgrade',
      '',
    ]);
  });

  it('ends with 69 at the step that fails', () => {
    const host = hostWith();
    host.reflector.answer = () => 'HTTP/1.1 401 Unauthorized\r\n\r\n';
    const { out, status } = rmAgent(host, 'check');
    expect(status).toBe(69);
    expect(out).toMatch(/FAILED +upgrade +r\.example answered 401 Unauthorized\n$/);
    expect(host.handles).toEqual(noHandles);
  });

  it('reports each step of each way that it tries', () => {
    const host = hostWith({
      reflector: ['http://a.example/', 'http://r.example/'],
      proxy: ['http://user:secret@p.example:3128', 'direct'],
    });
    const { out, status } = rmAgent(host, 'check');
    expect(status).toBe(0);
    expect(out.split('\n').slice(1)).toEqual([
      'try    reflector     http://a.example/ through proxy http://p.example:3128',
      'FAILED resolving     proxy p.example:3128: name not found',
      'try    reflector     http://a.example/',
      'FAILED resolving     a.example: name not found (without proxy)',
      'try    reflector     http://r.example/',
      'ok     resolving     r.example: 192.0.2.1',
      'ok     connecting    192.0.2.1 port 80',
      'ok     upgrade       http://r.example/',
      '',
    ]);
  });

  it('does not dial without a password', () => {
    const host = hostWith({ device: { id: 'i', domain: 'd', password: { env: 'RM_PASSWORD' } } });
    const { out, status } = rmAgent(host, 'check');
    expect(status).toBe(69);
    expect(out).toContain('the environment variable RM_PASSWORD is not set');
    expect(host.network.dialled).toEqual([]);
  });
});

describe('rm-agent import', () => {
  it('prints the configuration as JSON', () => {
    const host = new AgentHost();
    host.files.content.set(
      '/old.properties',
      ascii('webtunnel.deviceId = 1\nwebtunnel.reflectorURI = http://r/\n'),
    );
    const { out, status } = rmAgent(host, 'import', '/old.properties');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ reflector: 'http://r/' });
  });

  it('ends with 78 when the file cannot be read', () => {
    expect(rmAgent(new AgentHost(), 'import', '/nowhere')).toMatchObject({
      err: '/nowhere: cannot be read: no such file\n',
      status: 78,
    });
  });
});
