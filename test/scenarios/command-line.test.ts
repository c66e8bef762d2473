import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { lacks } from './stage/features.ts';
import { data } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, deviceId, domain, type Stage, scenario } from './stage/stage.ts';

/** The command line and the configuration file: what `design.md` promises of both. */

const authority = authorityOfFile();

async function outcome(stage: Stage, args: readonly string[]) {
  const agent = stage.run(args);
  const { status } = await agent.ended();
  return { status, output: agent.output, log: agent.log };
}

describe.concurrent('the command line', () => {
  scenario('--version prints the version and what the executable was built from', async ({ stage }) => {
    const { status, output, log } = await outcome(stage, ['--version']);
    expect(status).toBe(0);
    expect(log).toEqual([]);
    const tls13 = lacks('tls') || lacks('tls13') ? [] : ['tls13'];
    const features = [
      ...(lacks('tls') ? [] : ['tls']),
      ...tls13,
      ...(lacks('import') ? [] : ['import']),
      ...(lacks('gateway') ? [] : ['gateway']),
      ...(lacks('mqtt') ? [] : ['mqtt']),
    ];
    const tls = lacks('tls') ? 'none' : '(Mbed TLS|OpenSSL) \\d+\\.\\d+\\.\\d+\\S*';
    const lines = [
      'rm-agent \\d+\\.\\d+\\.\\d+\\S*',
      'target   \\S+',
      'engine   (QuickJS(-ng)?|Node\\.js)( \\d+\\.\\d+\\.\\d+| \\d{4}-\\d\\d-\\d\\d)?',
      `tls      ${tls}`,
      `features ${features.join(', ')}`,
      'commit   ([0-9a-f]{12}(-dirty)?|unknown)',
    ];
    expect(output).toMatch(new RegExp(`^${lines.join('\\n')}\\n$`));
  });

  scenario('--help explains every command and option', async ({ stage }) => {
    const { status, output, log } = await outcome(stage, ['--help']);
    expect(status).toBe(0);
    expect(log).toEqual([]);
    for (const word of [
      'run',
      'check',
      'status',
      'retry',
      'enable',
      'disable',
      'consent',
      'import',
      '--config',
    ]) {
      expect(output).toContain(word);
    }
  });

  scenario.for([
    [['frobnicate'], 'frobnicate'],
    [['--frobnicate'], '--frobnicate'],
    [['--config'], '--config'],
    [['import'], 'import'],
    [['run', 'too', 'many'], 'too'],
  ] as const)('%j is answered in one line with status 64', async ([args, word], { stage }) => {
    const { status, output, log } = await outcome(stage, args);
    expect(status).toBe(64);
    expect(output).toBe('');
    expect(log).toHaveLength(1);
    expect(log[0]).toContain(word);
  });
});

describe.concurrent('a wrong configuration', () => {
  const good = configuration('http://127.0.0.1:9/', [80]);
  const cases: [string, unknown, RegExp][] = [
    ['an unknown key', { ...good, reflektor: 'x' }, /reflektor.*reflector/],
    ['a missing key', { ...good, reflector: undefined }, /reflector.*missing/],
    [
      'a wrong type',
      { ...good, services: [{ port: 80 }, { port: '22' }] },
      /services\[1\]\.port.*"22".*65535/,
    ],
    ['a number out of range', { ...good, services: [{ port: 65_536 }] }, /services\[0\]\.port.*65536.*65535/],
    ['an unknown kind', { ...good, services: [{ port: 80, kind: 'ftp' }] }, /services\[0\]\.kind.*ftp.*http/],
    [
      'an address that is none',
      { ...good, reflector: 'remote.example.com' },
      /reflector.*remote\.example\.com/,
    ],
    ['no services', { ...good, services: [] }, /services/],
    ['a time below its least', { ...good, timeouts: { keepAlive: 0 } }, /timeouts\.keepAlive.*0.*1/],
    ['a deep unknown key', { ...good, tls: { verfy: false } }, /tls\.verfy.*verify/],
    ['a directory in the place of a file', { ...good, tls: { cert: '/etc' } }, /tls\.cert.*\/etc.*file/],
    [
      'a name for a variable that is not set',
      { ...good, reflector: 'http://${env.RM_NO_SUCH}/' },
      /RM_NO_SUCH/,
    ],
  ];

  scenario.for(cases)(
    'with %s ends with status 78 and names the place',
    async ([, content, pattern], { stage }) => {
      const path = stage.file(JSON.stringify(content));
      for (const command of ['run', 'check']) {
        const { status, log } = await outcome(stage, [command, '--config', path]);
        expect(status).toBe(78);
        expect(log.join('\n')).toMatch(pattern);
        expect(log.join('\n')).toContain(path);
      }
    },
  );

  scenario.for([
    ['', 'nothing'],
    ['{', 'half an object'],
    ['[]', 'a list'],
    ['{ "reflector": "http://a/", }', 'a comma too many'],
    ['\u0000\u0001', 'no text'],
  ])('of %j (%s) ends with status 78', async ([content = ''], { stage }) => {
    const { status, log } = await outcome(stage, ['--config', stage.file(content)]);
    expect(status).toBe(78);
    expect(log.length).toBeGreaterThan(0);
  });

  scenario('that is missing ends with status 78 and its path', async ({ stage }) => {
    const { status, log } = await outcome(stage, ['--config', '/no/such/rm-agent.json']);
    expect(status).toBe(78);
    expect(log.join('\n')).toContain('/no/such/rm-agent.json');
  });

  scenario('never shows the password', async ({ stage }) => {
    const device = { id: deviceId, domain, password: ['hunter2'] };
    const { status, log } = await outcome(stage, [
      '--config',
      stage.file(JSON.stringify(configuration('http://127.0.0.1:9/', [80], { device }))),
    ]);
    expect(status).toBe(78);
    expect(log.join('\n')).toContain('device.password');
    expect(log.join('\n')).not.toContain('hunter2');
  });
});

describe.concurrent('a file that the configuration names', () => {
  scenario.for([
    ['secret', { device: { id: deviceId, domain, password: { file: 'FILE' } } }, 'hunter2\n'],
    ['certificate', { tls: { cert: 'FILE' } }, ''],
    ['authority', { tls: { ca: 'FILE' } }, ''],
  ] as const)(
    'and that is written after the start is waited for: %s',
    async ([kind, more, text], { stage }) => {
      if (kind !== 'secret' && lacks('tls')) return;
      const server = kind === 'secret' ? undefined : authority().issue();
      const reflector = await stage.reflector(server);
      const file = join(stage.directory, 'later');
      const { ca, ...rest } = { ca: authority().file };
      const uri = server ? `https://127.0.0.1:${reflector.port}/` : reflector.uri;
      const named = JSON.parse(JSON.stringify(more).replace('FILE', file));
      const settings = configuration(uri, [1], { ...named, ...rest, tls: { ca, ...named.tls } });
      const config = stage.file(JSON.stringify({ ...settings, control: join(stage.directory, 'c') }));
      const agent = stage.run(['--config', config]);
      await agent.logged(/warning .*later: no such file; each attempt looks again/);
      await agent.logged(/not connected: .*later.*: no such file; next attempt/);
      const status = await outcome(stage, ['status', '--config', config]);
      expect(status.output).toMatch(/^last error: .*later.*no such file$/m);
      const check = await outcome(stage, ['check', '--config', config]);
      expect(check).toMatchObject({ status: 69, output: expect.stringMatching(/later.*no such file/) });
      expect(reflector.connections).toBe(0);
      const own = authority().issue();
      stage.file(kind === 'authority' ? authority().caPem() : text || own.cert + own.key, 'later');
      (await reflector.upgrade()).accept();
    },
  );

  scenario('and that holds the ID of the device is waited for', async ({ stage }) => {
    const reflector = await stage.reflector();
    const id = join(stage.directory, 'id');
    const device = { id: `\${file:${id}}`, domain, password: 's3cret' };
    const agent = stage.agent(configuration(reflector, [1], { device }));
    await agent.logged(/warning .*device\.id: .*no such file; waiting for it/);
    stage.file('pump-7\n', 'id');
    const { socket } = await reflector.upgrade();
    expect(socket).toBeDefined();
  });

  scenario('and that every user can change is warned of', async ({ stage }) => {
    const program = stage.file('#!/bin/sh\n', 'program');
    const more = { notify: { command: program }, access: { mode: 'consent', ask: '/no/such/program' } };
    const settings = configuration('http://127.0.0.1:9/', [80], {
      ...more,
      control: join(stage.directory, 'c'),
    });
    const config = stage.file(JSON.stringify(settings));
    chmodSync(config, 0o602);
    chmodSync(program, 0o777);
    const { log } = await outcome(stage, ['check', '--config', config]);
    expect(log).toEqual([
      expect.stringMatching(/access\.ask: \/no\/such\/program: no such file$/),
      expect.stringMatching(/notify\.command: .*program can be changed by every user/),
      expect.stringMatching(/ .*file-1 can be changed by every user/),
    ]);
  });
});

describe.concurrent('check --offline', () => {
  /** An image with this configuration, and nothing else. */
  const image = (stage: Stage, more: object): string => {
    const settings = { ...configuration('https://remote.example.com/', [80]), ...more };
    const root = join(stage.directory, 'root');
    stage.directoryWith(join(root, 'etc'), 'rm-agent.json', JSON.stringify(settings));
    return root;
  };

  scenario('connects to nothing', async ({ stage }) => {
    const reflector = await stage.reflector();
    const config = stage.file(JSON.stringify(configuration(reflector, [await reservedPort()])));
    const { status, output } = await outcome(stage, ['check', '--offline', '--config', config]);
    expect(status).toBe(0);
    expect(output).toContain(`ok     configuration ${config}\n`);
    expect(output).not.toContain('FAILED');
    expect(reflector.connections).toBe(0);
  });

  scenario('of an image says in a line each what the device must add', async ({ stage }) => {
    const root = image(stage, {
      device: {
        id: { file: '/etc/serial' },
        domain: '${env.NO_SUCH_VARIABLE}',
        name: '${hostname}',
        password: { file: '/etc/rm-agent.secret' },
      },
      tls: { ca: '/etc/ssl/own.pem' },
      control: '/run/not/made/yet.sock',
      stateFile: '/var/lib/rm-agent/state',
    });
    const { status, output, log } = await outcome(stage, ['check', '--offline', '--root', root]);
    expect(status).toBe(0);
    expect(output).toMatch(/^ok {5}configuration \/etc\/rm-agent\.json$/m);
    expect(log.map((line) => line.replace(/^warning \/etc\/rm-agent\.json:\d+:\d+: /, ''))).toEqual([
      'tls.ca: /etc/ssl/own.pem: no such file; each attempt looks again',
      'device.password.file: /etc/rm-agent.secret: no such file; each attempt looks again',
      'device.id: found ${file:/etc/serial}, but it cannot be read: no such file',
      'stateFile: there is no directory /var/lib/rm-agent, so "enable" and "disable" last until the agent ends',
    ]);
  });

  scenario('of an image looks at the files in it, and at nothing of this machine', async ({ stage }) => {
    const secret = stage.file('not in the image');
    const root = image(stage, { device: { id: '${nodeId}', domain, password: { file: secret } } });
    const { status, log } = await outcome(stage, ['check', '--offline', '--root', root]);
    expect(status).toBe(0);
    expect(log).toEqual([expect.stringContaining(`${secret}: no such file`)]);
    stage.directoryWith(join(root, stage.directory), secret.slice(stage.directory.length + 1), 'in it');
    expect(await outcome(stage, ['check', '--offline', '--root', root])).toMatchObject({
      status: 0,
      log: [],
    });
  });

  scenario('of an image follows links as the device would', async ({ stage }) => {
    const outside = stage.file('a');
    const root = image(stage, {
      device: {
        id: { file: '/serial/number' },
        domain,
        password: { file: '/etc/up' },
      },
      tls: { ca: '/etc/outside.pem', cert: '/etc/pipe', key: '/etc/loop' },
    });
    mkdirSync(join(root, 'data/factory'), { recursive: true });
    stage.directoryWith(join(root, 'data/factory'), 'number', 'A1');
    symlinkSync('/data/./factory', join(root, 'serial'));
    symlinkSync('../../../../serial/number', join(root, 'etc/up'));
    symlinkSync(outside, join(root, 'etc/outside.pem'));
    symlinkSync('/etc/loop', join(root, 'etc/loop'));
    execFileSync('mkfifo', [join(root, 'etc/pipe')]);
    const { status, log } = await outcome(stage, ['check', '--offline', '--root', root]);
    expect(log.map((line) => line.replace(/^\S+ \S+ /, ''))).toEqual([
      'tls.ca: /etc/outside.pem: no such file; each attempt looks again',
      'tls.cert: /etc/pipe: is neither a file nor a directory; each attempt looks again',
      'tls.key: /etc/loop: too many links; each attempt looks again',
    ]);
    expect(status).toBe(0);
  });

  scenario('of an image with a mistake ends with status 78', async ({ stage }) => {
    const root = image(stage, { reflector: 'ftp://x', device: { id: { file: '/etc/serial' }, domain } });
    const { status, log } = await outcome(stage, ['check', '--offline', '--root', root]);
    expect(status).toBe(78);
    expect(log.join('\n')).toMatch(/^\/etc\/rm-agent\.json:.*reflector: found "ftp:/);
  });
});

describe.concurrent('check', () => {
  scenario('ends with status 0 after a tunnel came about, and closes it', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const agent = stage.run([
      'check',
      '--config',
      stage.file(JSON.stringify(configuration(reflector, [echo.port]))),
    ]);
    const tunnel = await reflector.tunnel();
    expect([1000, 1001]).toContain((await tunnel.closed).code);
    expect((await agent.ended()).status).toBe(0);
    expect(agent.output).toMatch(/upgrade/i);
    expect(reflector.connections).toBe(1);
  });

  scenario('ends with status 69 when it is refused, and says why', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.run([
      'check',
      '--config',
      stage.file(JSON.stringify(configuration(reflector, [80]))),
    ]);
    (await reflector.upgrade()).refuse('401 Unauthorized', 'X-PTTH-Error: no such device');
    expect((await agent.ended()).status).toBe(69);
    expect(agent.output + agent.log.join('\n')).toMatch(/401.*no such device/);
    expect(reflector.connections).toBe(1);
  });

  scenario('ends with status 69 when nobody listens, and says so', async ({ stage }) => {
    const uri = `http://127.0.0.1:${await reservedPort()}/`;
    const { status, output, log } = await outcome(stage, [
      'check',
      '--config',
      stage.file(JSON.stringify(configuration(uri, [80]))),
    ]);
    expect(status).toBe(69);
    expect(output + log.join('\n')).toMatch(/refused/i);
  });

  scenario('asks a running agent, whose tunnel and channels live on', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const closed = await reservedPort();
    const more = { control: join(stage.directory, 'c') };
    const settings = configuration(reflector, [echo.port, closed], more);
    const config = stage.file(JSON.stringify(settings));
    stage.run(['--config', config]);
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, echo.port);
    const { status, output } = await outcome(stage, ['check', '--config', config]);
    expect(status).toBe(75);
    expect(output.split('\n')).toEqual([
      `ok     configuration ${config}`,
      expect.stringMatching(/^(?:ok {4}|FAILED) memory {8}at most \d/),
      `ok     service       port ${echo.port}`,
      `FAILED service       port ${closed}: connection refused`,
      expect.stringMatching(/^ok {5}agent {9}runs, connected for \d+ s$/),
      expect.stringMatching(/^ok {5}tunnel {8}to http:/),
      '',
    ]);
    tunnel.send(data(1, 'alive'));
    await tunnel.expectText(1, 'alive');
    expect(reflector.connections).toBe(1);
    const dialled = stage.run(['check', '--dial', '--config', config]);
    await reflector.tunnel();
    expect((await dialled.ended()).status).toBe(75);
    expect(dialled.output).toMatch(/--dial: an agent that runs beside this loses its tunnel/);
  });

  scenario('asks web services for their page, and says which setting one needs', async ({ stage }) => {
    const printer = createServer(({ headers }, response) => {
      const known = /^127\.0\.0\.1:\d+$/.test(headers.host ?? '') && headers['x-forwarded-for'] === undefined;
      response.writeHead(known ? 200 : 400).end();
    });
    await once(printer.listen(0, '127.0.0.1'), 'listening');
    const { port } = printer.address() as AddressInfo;
    try {
      const reflector = await stage.reflector();
      const settings = { ...configuration(reflector, [port]), services: [{ port, kind: 'http' }] };
      const checked = outcome(stage, ['check', '--config', stage.file(JSON.stringify(settings))]);
      await reflector.tunnel();
      const { output } = await checked;
      expect(output).toContain(
        `FAILED service       port ${port}: answers 400, and 200 with "host": "127.0.0.1:${port}", "forwarded": false\n`,
      );
    } finally {
      printer.close();
    }
  });

  scenario('follows a redirect', async ({ stage }) => {
    const home = await stage.reflector();
    const away = await stage.reflector();
    const agent = stage.run(['check', '--config', stage.file(JSON.stringify(configuration(home, [1])))]);
    (await home.upgrade()).refuse('302 Found', `Location: ${away.uri}`);
    await away.tunnel();
    // Nobody listens on port 1.
    expect((await agent.ended()).status).toBe(75);
  });
});

describe.skipIf(lacks('import')).concurrent('import', () => {
  const properties = (uri: string, port: number) => `
# WebTunnelAgent.properties
webtunnel.domain = ${domain}
webtunnel.deviceId = ${deviceId}
webtunnel.deviceName = Pump 7
webtunnel.host = 127.0.0.1
webtunnel.ports = ${port}, 80
webtunnel.httpPort = 80
webtunnel.httpPath = /ui/
webtunnel.reflectorURI = ${uri}
webtunnel.username = \${webtunnel.deviceId}@\${webtunnel.domain}
webtunnel.password = s3cret
webtunnel.connectTimeout = 10
webtunnel.localTimeout = 7200
webtunnel.remoteTimeout = 300
`;

  scenario('prints a configuration with which the agent connects', async ({ stage }) => {
    const reflector = await stage.reflector();
    const file = stage.file(properties(reflector.uri, 22), 'WebTunnelAgent.properties');
    const { status, output } = await outcome(stage, ['import', file]);
    expect(status).toBe(0);
    const imported = JSON.parse(output) as Record<string, unknown>;
    expect(imported.reflector).toBe(reflector.uri);
    expect(imported.device).toMatchObject({ id: deviceId, domain, name: 'Pump 7' });
    const ports = (imported.services as { port: number }[]).map(({ port }) => port);
    expect(ports.sort((a, b) => a - b)).toEqual([22, 80]);

    stage.agent({ ...imported, control: null, stateFile: null });
    const upgrade = await reflector.upgrade();
    expect(upgrade.all('X-PTTH-Set-Property')).toEqual(
      expect.arrayContaining(['device;httpPort=80', 'device;httpPath="/ui/"', 'device;name="Pump 7"']),
    );
    expect(Buffer.from(upgrade.header('Authorization')?.slice(6) ?? '', 'base64').toString()).toBe(
      `${deviceId}@${domain}:s3cret`,
    );
    upgrade.accept();
  });

  scenario('takes letters in UTF-8 and in Latin-1', async ({ stage }) => {
    const text = properties('http://remote.example.com', 22).replace('Pump 7', 'Pumpe Süd');
    for (const encoding of ['utf8', 'latin1'] as const) {
      const file = stage.file(Buffer.from(text, encoding), `${encoding}.properties`);
      const { output } = await outcome(stage, ['import', file]);
      expect(JSON.parse(output)).toMatchObject({ device: { name: 'Pumpe Süd' } });
    }
  });

  scenario('of a file that is missing ends with status 78 and its path', async ({ stage }) => {
    const { status, log } = await outcome(stage, ['import', '/no/such/file.properties']);
    expect(status).toBe(78);
    expect(log.join('\n')).toContain('/no/such/file.properties');
  });
});
