import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { failure } from '../../node/errors.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles } from '../../simulation/host.ts';
import { LocalService } from '../../simulation/local-service.ts';
import type { Endpoint } from '../../simulation/network.ts';
import { control, hostWith, logOf, rmAgent } from '../../simulation/rm-agent.ts';
import { version } from '../config/version.ts';

describe('rm-agent', () => {
  it('prints its version and how it is used', () => {
    expect(rmAgent(new AgentHost(), '--version')).toEqual({
      out: `rm-agent ${version}\ntarget   simulation\ncommit   unknown\n`,
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

  it('with a file that it may not stat reports that, and tries until it may', () => {
    const tls = { cert: '/private/cert.pem', key: '/private/key.pem' };
    const host = hostWith({ tls, reflector: 'https://r.example/' });
    const { stat } = host.files;
    host.files.stat = (path) => {
      if (path.startsWith('/private/')) throw failure('permission', 'permission denied');
      return stat.call(host.files, path);
    };
    expect(rmAgent(host, 'run').status).toBeNull();
    expect(logOf(host)).toContainEqual(
      expect.stringMatching(
        /^warning not connected: tls\.cert: \/private\/cert\.pem: permission denied; next/,
      ),
    );
    expect(host.network.dialled).toEqual([]);
  });

  describe('with an ID that the machine has not got yet', () => {
    const waiting = () => {
      const host = hostWith({ device: { id: '${file:/etc/id}', domain: 'd' } });
      const { err, status } = rmAgent(host, 'run');
      expect(status).toBeNull();
      expect(err).toMatch(
        /^warning .*device\.id: found .*, but it cannot be read: no such file; waiting for it\n$/,
      );
      return host;
    };

    it('waits for it', () => {
      const host = waiting();
      host.clock.advance(600_000);
      expect(host.system.printed[2].split('\n')).toHaveLength(2);
      host.files.content.set('/etc/id', ascii(''));
      host.clock.advance(60_000);
      expect(host.system.printed[2]).toContain('but it is empty; waiting for it\n');
      host.files.content.set('/etc/id', ascii('pump-7\n'));
      expect(rmAgent(host, 'check').status).toBe(75);
      host.clock.advance(60_000);
      expect(host.reflector.connections).toHaveLength(2);
    });

    it.each(['SIGHUP', 'SIGTERM'] as const)('handles %s', (signal) => {
      const host = waiting();
      host.files.content.set('/etc/id', ascii('pump-7\n'));
      host.system.signals.get(signal)?.();
      host.clock.advance(200);
      expect(host.reflector.connections).toHaveLength(signal === 'SIGHUP' ? 1 : 0);
      expect(host.system.exitStatus).toBe(signal === 'SIGHUP' ? null : 0);
      if (signal === 'SIGTERM') expect(host.handles).toEqual(noHandles);
    });

    it('is reported by check, with 69, and with 78 when there is more to correct', () => {
      expect(rmAgent(waiting(), 'check').status).toBe(69);
      const more = hostWith({ device: { id: '${file:/etc/id}', domain: 'd' }, services: [] });
      expect(rmAgent(more, 'run').status).toBe(78);
    });
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

  it('retry, disable and enable are executed', () => {
    const host = hostWith();
    rmAgent(host);
    expect(rmAgent(host, 'disable').out).toMatch(/^state: +disabled/);
    expect(host.handles).toEqual(noHandles);
    expect(rmAgent(host, 'enable').out).toMatch(/^state: +connecting/);
    expect(rmAgent(host, 'status').out).toMatch(/^state: +connected/);
    expect(rmAgent(host, 'retry').status).toBe(0);
    expect(host.reflector.connections).toHaveLength(2);
  });

  it('are executed although the configuration has become invalid, with a warning', () => {
    const host = hostWith();
    rmAgent(host);
    host.files.content.set('/etc/rm-agent.json', ascii('{ "reflector": 1,'));
    const warning = /^warning \/etc\/rm-agent\.json:1:18: expected a key in double quotes, .*\n$/;
    const json = rmAgent(host, 'status', '--json');
    expect([json.status, JSON.parse(json.out).state]).toEqual([0, 'connected']);
    expect(json.err).toMatch(warning);
    expect(rmAgent(host, 'disable')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^state: +disabled/),
      err: expect.stringMatching(warning),
    });
    host.files.content.delete('/etc/rm-agent.json');
    expect(rmAgent(host, 'enable').status).toBe(0);
  });

  it('end with 78 when the configuration is wrong and no agent answers', () => {
    const host = hostWith({ reflector: 1 });
    const { err, status } = rmAgent(host, 'status');
    expect(status).toBe(78);
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^warning .* reflector: /),
      `no running agent answers: ${control}: no such file`,
      '',
    ]);
    // What file the agent was started with, nobody knows.
    expect(rmAgent(host, 'disable', '--config', '/etc/typo.json')).toMatchObject({
      err: '/etc/typo.json: cannot be read: no such file\n',
      status: 78,
    });
  });

  it('are executed once a connection, whatever follows', () => {
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

describe('a state that is to persist', () => {
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

  it('is executed, with an error if it cannot be written', () => {
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

  it('that cannot be read is logged, and "start" counts', () => {
    const host = hostWith();
    host.files.content.set(stateFile, ascii('maybe'));
    rmAgent(host);
    expect(host.reflector.connections).toHaveLength(1);
    expect(logOf(host)[0]).toBe(
      `error stateFile: ${stateFile}: allowed is "enabled" or "disabled"; "start" counts`,
    );
  });
});

describe('rm-agent check', () => {
  it('ends with 0 if the reflector and every service can be reached', () => {
    const host = hostWith({ services: [{ port: 22 }] });
    new LocalService(host.network, 22);
    expect(rmAgent(host, 'check')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^ok +service +port 22\n/m),
    });
  });

  it('reports each step, and ends with 75 if only services cannot be reached', () => {
    const { out, status } = rmAgent(hostWith(), 'check');
    expect(status).toBe(75);
    expect(out.split('\n').map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual([
      'ok configuration',
      'FAILED service',
      'FAILED service',
      'FAILED service',
      'ok agent',
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

  it('reports each step of each route that it tries', () => {
    const host = hostWith({
      reflector: ['http://a.example/', 'http://r.example/'],
      proxy: ['http://user:secret@p.example:3128', 'direct'],
    });
    const { out, status } = rmAgent(host, 'check');
    expect(status).toBe(75);
    expect(out.split('\n').slice(1)).toEqual([
      'FAILED service       port 80: connection refused',
      'FAILED service       port 22: connection refused',
      'FAILED service       port 9000: connection refused',
      'ok     agent         no running agent answers: /run/rm-agent.sock: no such file',
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
    // Its own services only.
    expect(host.network.dialled.filter((place) => !place.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('tries each service, some at once', () => {
    const services = Array.from({ length: 40 }, (_, i) => ({ port: i + 1 }));
    const host = hostWith({
      services: [{ port: 80, name: 'Web' }, { port: 81, target: 'camera' }, ...services],
    });
    for (let port = 1; port <= 80; port++)
      if (port % 2 === 0) new LocalService(host.network, port);
      else host.network.endpoints.set(`127.0.0.1:${port}`, 'silent');
    let most = 0;
    const { connect } = host.network;
    host.network.connect = (...args) => {
      most = Math.max(most, host.network.sockets.size + 1);
      return connect.apply(host.network, args);
    };
    rmAgent(host, 'check');
    host.clock.advance(60_000);
    const lines = host.system.printed[1].split('\n').filter((line) => line.includes('service'));
    expect(lines.slice(0, 4)).toEqual([
      'ok     service       port 80 (Web)',
      'FAILED service       port 81: name not found',
      'FAILED service       port 1: no answer within 10 s',
      'ok     service       port 2',
    ]);
    expect(lines).toHaveLength(42);
    expect(most).toBeLessThanOrEqual(16);
    expect(host.system.exitStatus).toBe(75);
    expect(host.handles).toEqual(noHandles);
  });

  describe('beside a running agent', () => {
    const agentLines = ({ out }: { out: string }) =>
      out
        .split('\n')
        .filter(
          (line) => line !== '' && !/^\w+ +(configuration +\/|service|resolving|connecting)/.test(line),
        );

    it('asks that for its tunnel, and does not replace it', () => {
      const host = hostWith();
      rmAgent(host);
      const result = rmAgent(host, 'check');
      expect(agentLines(result)).toEqual([
        'ok     agent         runs, connected for 20 s',
        'ok     tunnel        to http://r.example/ for 20 s; see check --dial',
      ]);
      expect(result.status).toBe(75);
      expect(host.reflector.connections).toHaveLength(1);
      expect(rmAgent(host, 'check', '--dial').status).toBe(75);
      expect(host.reflector.connections).toHaveLength(2);
    });

    it('dials where that has no tunnel', () => {
      const host = hostWith();
      host.reflector.answer = () => 'HTTP/1.1 401 No\r\n\r\n';
      rmAgent(host);
      const result = rmAgent(host, 'check');
      expect(agentLines(result)).toEqual([
        'ok     agent         runs, waiting for 20 s',
        'FAILED tunnel        r.example answered 401 No',
        'try    reflector     http://r.example/',
        'FAILED upgrade       r.example answered 401 No',
      ]);
      expect(result.status).toBe(69);
    });

    it.each<[string, (host: AgentHost) => void, string]>([
      [
        'is turned off',
        (host) => void rmAgent(host, 'disable'),
        'remote access is turned off: see rm-agent enable',
      ],
      [
        'was replaced',
        (host) => {
          host.reflector.peer.replace();
          host.clock.advance(100);
        },
        'replaced: another agent has connected as this device',
      ],
    ])('does not dial where that %s', (_name, prepare, reason) => {
      const host = hostWith({ reconnect: { min: 60, max: 86_400 } });
      rmAgent(host);
      prepare(host);
      const { out, status } = rmAgent(host, 'check');
      expect(out).toContain(`FAILED tunnel        ${reason}\n`);
      expect(status).toBe(69);
      expect(host.reflector.connections).toHaveLength(1);
    });

    it('reports that the file has changed since, and ends with 75', () => {
      const services = [{ port: 22 }];
      const host = hostWith({ services });
      new LocalService(host.network, 22);
      rmAgent(host);
      const other = hostWith({ services, reflector: 'http://other.example/' });
      host.files.content.set('/etc/rm-agent.json', other.files.read('/etc/rm-agent.json', 1e6));
      const { out, status } = rmAgent(host, 'check');
      expect(out).toContain(
        'FAILED configuration the running agent has another one, with http://r.example/: send it SIGHUP\n',
      );
      expect(status).toBe(75);
    });

    it.each<[Endpoint, number, RegExp]>([
      [
        { error: { code: 'permission', message: 'permission denied' } },
        69,
        /FAILED +agent .*permission denied; it may have a tunnel.*--dial\n/,
      ],
      ['silent', 69, /FAILED +agent .*no answer; it may have a tunnel/],
      [{ error: { code: 'refused', message: 'connection refused' } }, 75, /ok +agent .*connection refused\n/],
    ])('that cannot be asked (%#) dials only if that is certainly gone', (place, status, line) => {
      const host = hostWith();
      host.network.paths.set('/run/rm-agent.sock', place);
      const result = rmAgent(host, 'check');
      expect(result.status).toBe(status);
      expect(result.out).toMatch(line);
      expect(host.reflector.connections).toHaveLength(status === 75 ? 1 : 0);
    });

    it('warns if the running agent cannot be asked', () => {
      const { out, status } = rmAgent(hostWith({ control: null }), 'check');
      expect(out).toContain(
        'try    agent         control is null: an agent that runs beside this loses its tunnel and dials again\n',
      );
      expect(status).toBe(75);
    });
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
