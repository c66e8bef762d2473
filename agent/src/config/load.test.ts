import { describe, expect, it } from 'vitest';
import type { Host } from '../host/host.ts';
import { utf8Encode } from '../protocol/text.ts';
import { configure, type Loaded, load } from './load.ts';

const path = '/etc/rm-agent.json';

interface FakeFile {
  readonly content: Uint8Array | string;
  readonly mode?: number;
  readonly kind?: 'file' | 'directory';
}

function machine(files: Record<string, FakeFile>, nodeId = '0123456789ab'): Host {
  const environment: Record<string, string> = {
    DOMAIN: 'from-env',
    NESTED: '${nodeId}',
    BAD: 'a@b',
    EMPTY: '',
  };
  return {
    files: {
      read(name: string, maxBytes: number): Uint8Array {
        const content = files[name]?.content;
        if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'not-found' });
        const bytes = typeof content === 'string' ? utf8Encode(content) : content;
        if (bytes.length > maxBytes) throw Object.assign(new Error('too large'), { code: 'too-large' });
        return bytes;
      },
      stat: (name: string) => {
        const file = files[name];
        return file === undefined ? null : { kind: file.kind ?? 'file', size: 0, mode: file.mode ?? 0o600 };
      },
    },
    system: {
      environment: (name: string) => environment[name],
      hostName: () => 'pump-house',
      nodeId: () => nodeId,
    },
  } as unknown as Host;
}

const minimal = {
  reflector: 'https://remote.example.com/',
  device: { id: 'pump-7', domain: '7f1c' },
  services: [{ port: 80, kind: 'http' }],
};

/** Loads `minimal` with these members in place of its own. */
function loadWith(members: object, files: Record<string, FakeFile> = {}, nodeId?: string): Loaded {
  const content = JSON.stringify({ ...minimal, ...members });
  return load(machine({ [path]: { content }, ...files }, nodeId), path);
}

function errors(loaded: Loaded): string[] {
  return 'errors' in loaded ? loaded.errors.map((line) => line.replace(/^[^ ]*:\d+:\d+: /, '')) : [];
}

function warnings(loaded: Loaded): string[] {
  return 'ok' in loaded
    ? loaded.warnings.map((line) => line.replace(/^[^ ]*:\d+:\d+: /, ''))
    : ['not loaded'];
}

function accepted(loaded: Loaded) {
  if ('errors' in loaded) throw new Error(loaded.errors.join('\n'));
  return loaded.ok;
}

describe('load', () => {
  it('fills in every default', () => {
    expect(loadWith({})).toEqual({
      ok: {
        $schema: null,
        reflector: 'https://remote.example.com/',
        upgrade: { method: 'GET' },
        device: {
          id: 'pump-7',
          domain: '7f1c',
          password: '',
          auth: 'basic',
          name: null,
          version: null,
          tenant: null,
          properties: {},
          propertiesInterval: 0,
        },
        target: '127.0.0.1',
        services: [{ port: 80, kind: 'http', path: null, name: null, target: null, access: null }],
        tls: {
          ca: null,
          cert: null,
          key: null,
          pins: [],
          pinMode: 'add',
          minVersion: '1.2',
          verify: true,
          clock: 'build',
        },
        addresses: {},
        proxy: null,
        timeouts: { connect: 10, local: 7200, keepAlive: 300 },
        reconnect: { min: 1, max: 300, refusedMax: null },
        limits: {
          windowBytes: 262_144,
          frameBytes: 65_536,
          channels: 1024,
          totalBytes: 16_777_216,
          stallMs: 1000,
          memoryBytes: null,
        },
        access: {
          mode: 'always',
          windows: [],
          closing: 'end',
          ask: null,
          askTimeout: 60,
          idle: 300,
          pause: 10,
        },
        notify: null,
        start: 'enabled',
        control: '/run/rm-agent.sock',
        stateFile: '/var/lib/rm-agent.state',
        log: { level: 'info', to: 'stderr', priorities: 'auto' },
      },
      warnings: [],
      hidden: [],
    });
  });

  it('takes the configuration that design.md shows', () => {
    const content = `{
      "reflector": "https://remote.example.com/",
      "device": { "id": "\${nodeId}", "domain": "7f1c…", "password": { "file": "/etc/rm-agent.secret" },
                  "name": "Pump 7", "version": "1.4.2",
                  "properties": { "serial": "SN-1", "uptime": { "command": "uptime" } }, "propertiesInterval": 0 },
      "target": "127.0.0.1",
      "services": [ { "port": 80, "kind": "http", "path": "/" }, { "port": 22, "kind": "ssh" }, { "port": 5900, "kind": "vnc" } ],
      "tls": { "ca": "/etc/ssl/certs", "cert": null, "key": null, "pins": [], "minVersion": "1.2", "verify": true },
      "proxy": "http://user:secret@proxy:3128",
      "timeouts": { "connect": 10, "local": 7200, "keepAlive": 300 },
      "reconnect": { "min": 1, "max": 300 },
      "log": { "level": "info", "to": "stderr" }
    }`.replace('7f1c…', '7f1c');
    const host = machine({
      [path]: { content, mode: 0o644 },
      '/etc/rm-agent.secret': { content: 'x' },
      '/etc/ssl/certs': { content: '', kind: 'directory', mode: 0o755 },
    });
    expect(load(host, path)).toMatchObject({
      ok: { device: { id: '0123456789ab' }, proxy: 'http://user:secret@proxy:3128' },
      warnings: [`${path}: holds a password and can be read by every user; set its mode to 600`],
    });
  });

  it('names the file, line and column, the path, what was found and what is allowed', () => {
    const content = `{
  "reflector": "ftp://x",
  "device": { "id": "a" },
  "services": [
    { "port": 80 },
    { "port": 70000 }
  ],
  "logs": {}
}`;
    expect(load(machine({ [path]: { content } }), path)).toEqual({
      errors: [
        '/etc/rm-agent.json:8:11: logs: unknown key, did you mean "log"?',
        '/etc/rm-agent.json:2:16: reflector: found "ftp://x", allowed is http://HOST[:PORT][/PATH] or https://…',
        '/etc/rm-agent.json:3:13: device.domain: missing, needed is printable ASCII without space, "@" and ":"',
        '/etc/rm-agent.json:6:15: services[1].port: found 70000, allowed is an integer from 1 to 65535',
      ],
    });
  });

  it('says why a file cannot be read', () => {
    expect(load(machine({}), path)).toEqual({ errors: ['/etc/rm-agent.json: cannot be read: no such file'] });
    expect(load(machine({ [path]: { content: ' '.repeat(262_145) } }), path)).toEqual({
      errors: ['/etc/rm-agent.json: cannot be read: too large'],
    });
    expect(load(machine({ [path]: { content: new Uint8Array([0xff]) } }), path)).toEqual({
      errors: ['/etc/rm-agent.json: is not UTF-8 text'],
    });
    expect(load(machine({ [path]: { content: '{\n "a" }' } }), path)).toEqual({
      errors: ['/etc/rm-agent.json:2:6: expected ":" after the key "a", found "}"'],
    });
  });

  it('judges a configuration in memory without line numbers', () => {
    expect(configure(machine({}), { ...minimal, target: 'a b' })).toEqual({
      errors: ['target: found "a b", allowed is a host name or an IP address'],
    });
    expect(configure(machine({}), minimal)).toHaveProperty('warnings', []);
  });
});

describe('variables', () => {
  const device = (id: string) => ({ device: { id, domain: 'd', name: id } });

  it.each([
    ['${nodeId}', '0123456789ab'],
    ['rm-${hostname}-x', 'rm-pump-house-x'],
    ['${env.DOMAIN}', 'from-env'],
    ['${env.NESTED}', '${nodeId}'],
    ['${$}{nodeId}', '${nodeId}'],
    ['$nodeId', '$nodeId'],
  ])('expands %s to %s', (source, text) => {
    expect(accepted(loadWith(device(source))).device.name).toBe(text);
  });

  it.each([
    ['${nodeID}', 'found ${nodeID}, allowed variables are ${nodeId}, ${hostname}, ${env.NAME} and ${$}'],
    ['${env.MISSING}', 'found ${env.MISSING}, but that environment variable is not set'],
    ['a${hostname', 'found "${" without "}"; a literal "${" is written "${$}{"'],
  ])('refuses %s', (source, message) => {
    expect(errors(loadWith(device(source)))).toEqual([`device.id: ${message}`, `device.name: ${message}`]);
  });

  it('refuses ${nodeId} where it would be the same on every device', () => {
    expect(errors(loadWith(device('${nodeId}'), {}, '000000000000'))[0]).toBe(
      'device.id: found ${nodeId}, but no network interface has a hardware address',
    );
  });

  it('judges what an expansion yields', () => {
    expect(errors(loadWith({ device: { id: '${env.BAD}', domain: '${env.EMPTY}' } }))).toEqual([
      'device.id: found "a@b", allowed is printable ASCII without space, "@" and ":"',
      'device.domain: found "", allowed is printable ASCII without space, "@" and ":"',
    ]);
  });

  it('expands in every string, however deep', () => {
    const { services, device } = accepted(
      loadWith({
        device: {
          id: 'a',
          domain: 'd',
          properties: { a: '${hostname}', b: { command: ['cat', '/x/${hostname}'] } },
        },
        services: [{ port: 1, target: '${hostname}' }],
      }),
    );
    expect(services[0]?.target).toBe('pump-house');
    expect(device.properties).toEqual({ a: 'pump-house', b: { command: ['cat', '/x/pump-house'] } });
  });
});

describe('what is allowed', () => {
  it.each([
    'http://localhost',
    'https://a.example:8443/x/y',
    'https://[::1]:1/',
    'http://10.0.0.1:65535',
    'https://a/path;v=1',
  ])('reflector %s', (reflector) => {
    expect(accepted(loadWith({ reflector })).reflector).toBe(reflector);
  });

  it.each([
    'remote.example.com',
    'ws://a/',
    'https://',
    'https://a:0/',
    'https://a:65536/',
    'https://user:pw@a/',
    'https://a/?q',
    'https://a/#f',
    'https://a/b c',
    'https://a/\r\nX: y',
    'HTTPS://a/',
  ])('not reflector %j', (reflector) => {
    expect(errors(loadWith({ reflector }))).toHaveLength(1);
  });

  it.each(['a b', 'a@b', 'a:b', 'a\r\nb', 'a\u0000', 'é', ''])('neither id nor domain %j', (text) => {
    expect(errors(loadWith({ device: { id: text, domain: text } }))).toHaveLength(2);
  });

  it.each(['name', 'version', 'tenant'])('no line break in device.%s', (key) => {
    expect(errors(loadWith({ device: { ...minimal.device, [key]: 'a\r\nX: y' } }))).toHaveLength(1);
    expect(errors(loadWith({ device: { ...minimal.device, [key]: 'Pümpe "7"' } }))).toEqual([]);
  });

  it.each([
    'http://proxy:3128',
    'https://user:p%40ss@[::1]:8080/',
    'http://user@proxy',
    'socks5://proxy',
    'socks5h://user:pw@proxy:1080',
    'direct',
    'env',
  ])('proxy %s, alone and in a list', (proxy) => {
    expect(accepted(loadWith({ proxy })).proxy).toBe(proxy);
    expect(accepted(loadWith({ proxy: [proxy, 'direct'] })).proxy).toEqual([proxy, 'direct']);
  });

  it('a proxy with its password elsewhere', () => {
    const proxy = { uri: 'http://proxy:3128', user: 'u', password: { env: 'PROXY_PASSWORD' } };
    expect(accepted(loadWith({ proxy })).proxy).toEqual(proxy);
    expect(accepted(loadWith({ proxy: [proxy] })).proxy).toEqual([proxy]);
  });

  it('only proxies, reflectors and addresses that can be', () => {
    const server = { uri: 'http://p', user: 'u' };
    expect(errors(loadWith({ proxy: [] }))).toEqual(['proxy: found 0 entries, allowed are 1 to 8']);
    expect(errors(loadWith({ proxy: Array(9).fill('direct') }))).toHaveLength(1);
    expect(errors(loadWith({ proxy: { ...server, uri: 'http://u:secret@p' } }))).toEqual([
      'proxy.uri: found text, allowed is http://HOST[:PORT] or https://…, socks5://…, socks5h://…',
    ]);
    expect(errors(loadWith({ proxy: [server, { ...server, user: 'a:b' }] }))).toHaveLength(1);
    expect(errors(loadWith({ proxy: { ...server, password: { file: '/nowhere' } } }))).toEqual([
      'proxy.password.file: found /nowhere, which does not exist; allowed is a file',
    ]);
    expect(errors(loadWith({ proxy: ['env', { ...server, password: { file: '/nowhere' } }] }))).toEqual([
      'proxy[1].password.file: found /nowhere, which does not exist; allowed is a file',
    ]);
    const uri = 'https://a/';
    expect(accepted(loadWith({ reflector: [uri, 'http://b/'] })).reflector).toEqual([uri, 'http://b/']);
    expect(errors(loadWith({ reflector: [] }))).toHaveLength(1);
    expect(errors(loadWith({ reflector: Array(9).fill(uri) }))).toHaveLength(1);
    expect(errors(loadWith({ reflector: [uri, 'ftp://b/'] }))).toEqual([
      'reflector[1]: found "ftp://b/", allowed is http://HOST[:PORT][/PATH] or https://…',
    ]);
    expect(errors(loadWith({ addresses: { 'a.b': ['192.0.2.1', '2001:db8::1'] } }))).toEqual([]);
    expect(errors(loadWith({ addresses: { a: ['192.0.2.256'] } }))).toEqual([
      'addresses: found "192.0.2.256" for a, allowed is an IP address',
    ]);
    expect(errors(loadWith({ addresses: { a: ['b'] } }))).toHaveLength(1);
    expect(errors(loadWith({ addresses: { a: Array(9).fill('192.0.2.1') } }))).toHaveLength(1);
  });

  it.each([
    'proxy:3128',
    'http://user:secret@proxy:70000',
    'http://user:secret@proxy/x',
    'http://user:sec ret@proxy',
  ])('not proxy %j, which is not shown', (proxy) => {
    expect(errors(loadWith({ proxy }))).toEqual([
      'proxy: found text, allowed is "direct", "env", or http://[USER:PASSWORD@]HOST[:PORT] or https://…, socks5://…, socks5h://…',
    ]);
  });

  it('only names that are free for properties, and only plain values', () => {
    const properties = {
      'a b': '1',
      'x\r\n': '2',
      httpPort: 80,
      targetHost: 'x',
      name: 'x',
      ok: 1.5,
      names: true,
      list: ['x'],
      text: 'a\nb',
    };
    expect(
      errors(loadWith({ device: { ...minimal.device, properties } })).map((line) =>
        line.replace(/(: \w+).*/, '$1'),
      ),
    ).toEqual([
      'device.properties["a b"]: the',
      'device.properties["x\\r\\n"]: the',
      'device.properties.httpPort: the',
      'device.properties.targetHost: the',
      'device.properties.name: the',
      'device.properties.list: found',
      'device.properties.text: found',
    ]);
  });

  it('no more properties than the head of a request holds', () => {
    const properties = (length: number) =>
      Object.fromEntries([...'abcdefgh'].map((name) => [name, 'x'.repeat(length)]));
    expect(errors(loadWith({ device: { ...minimal.device, properties: properties(1023) } }))).toEqual([]);
    expect(errors(loadWith({ device: { ...minimal.device, properties: properties(1024) } }))).toEqual([
      'device.properties: found 8200 characters in all, allowed are 8192',
    ]);
  });

  it('no port twice', () => {
    expect(errors(loadWith({ services: [{ port: 80 }, { port: 22 }, { port: 80, target: 'b' }] }))).toEqual([
      'services[2].port: found 80, which services[0] has already',
    ]);
  });

  it('a path for web services only', () => {
    const services = [
      { port: 80, kind: 'http', path: '/a' },
      { port: 443, kind: 'https', path: '/b' },
      { port: 22, kind: 'ssh', path: '/c' },
    ];
    expect(errors(loadWith({ services }))).toEqual([
      'services[2].path: found for kind "ssh", allowed is a path for "http" and "https" only',
    ]);
  });

  it.each<[string, object, string]>([
    [
      'a back-off that shrinks',
      { reconnect: { min: 10, max: 5 } },
      'reconnect.min: found 10, allowed is at most reconnect.max (5)',
    ],
    [
      'a frame above the window',
      { limits: { frameBytes: 8192, windowBytes: 4096 } },
      'limits.frameBytes: found 8192, allowed is at most limits.windowBytes (4096)',
    ],
    [
      'a window above the total',
      { limits: { totalBytes: 65536 } },
      'limits.windowBytes: found 262144, allowed is at most limits.totalBytes (65536)',
    ],
    [
      'memory that peers could fill',
      { limits: { memoryBytes: 33_554_431 } },
      'limits.memoryBytes: found 33554431, allowed is at least twice limits.totalBytes (16777216)',
    ],
    [
      'a window that no frame of the original fits',
      { limits: { windowBytes: 2047 } },
      'limits.windowBytes: found 2047, allowed is an integer from 2048 to 16777216 (bytes)',
    ],
    [
      'a socket path that the kernel cannot hold',
      { control: `/${'x'.repeat(107)}` },
      'control: found 108 characters, allowed are 100',
    ],
    [
      'access in windows of which there is none',
      { access: { mode: 'window' } },
      'access.windows: found none, needed is one with mode "window"',
    ],
    [
      'windows that nothing looks at',
      { services: [{ port: 80, access: { windows: [{ from: '08:00', to: '17:00' }] } }] },
      'services[0].access.mode: found "always", allowed with windows are "window" and "consent"',
    ],
    [
      'a question that nobody asks',
      { access: { mode: 'window', windows: [{ from: '08:00', to: '17:00' }], ask: 'ask' } },
      'access.mode: found "window", allowed with ask is "consent"',
    ],
    [
      'a time that no clock shows',
      { access: { mode: 'window', windows: [{ from: '24:00', to: '17:00' }] } },
      'access.windows[0].from: found "24:00", allowed is a time from "00:00" to "23:59"',
    ],
    [
      'consent that nobody can give',
      { control: null, services: [{ port: 80, access: { mode: 'consent' } }] },
      'control: found null, needed is a socket, or access.ask, because somebody must consent',
    ],
    [
      'an unknown log',
      { log: { to: 'stdout' } },
      'log.to: found "stdout", allowed is one of "stderr", "syslog" or { "file": … }',
    ],
  ])('not %s', (_, members, message) => {
    expect(errors(loadWith(members))).toEqual([message]);
  });

  it('no control socket', () => {
    expect(accepted(loadWith({ control: null })).control).toBeNull();
  });
});

describe('files that the configuration names', () => {
  const key = { tls: { cert: '/cert.pem', key: '/key.pem' } };

  it('exist', () => {
    expect(
      errors(loadWith({ ...key, device: { ...minimal.device, password: { file: '/secret' } } })),
    ).toEqual([
      'tls.cert: found /cert.pem, which does not exist; allowed is a file',
      'tls.key: found /key.pem, which does not exist; allowed is a file',
      'device.password.file: found /secret, which does not exist; allowed is a file',
    ]);
    expect(errors(loadWith({ tls: { ca: '/ca' } }))).toEqual([
      'tls.ca: found /ca, which does not exist; allowed is a file or a directory',
    ]);
    const directory: FakeFile = { content: '', kind: 'directory' };
    expect(errors(loadWith({ tls: { cert: '/c', key: '/c' } }, { '/c': directory }))[0]).toBe(
      'tls.cert: found /c, which is a directory; allowed is a file',
    );
  });

  it('come in pairs', () => {
    const own: FakeFile = { content: '', mode: 0o640 };
    expect(accepted(loadWith({ tls: { cert: '/c' } }, { '/c': own })).tls.key).toBeNull();
    expect(errors(loadWith({ tls: { key: '/k' } }))).toEqual([
      'tls.cert: missing, needed is the certificate of tls.key',
    ]);
  });

  it('are warned of where every user can read a secret', () => {
    const files: Record<string, FakeFile> = {
      '/cert.pem': { content: '', mode: 0o644 },
      '/key.pem': { content: '', mode: 0o604 },
      '/secret': { content: 'hunter2', mode: 0o644 },
    };
    expect(warnings(loadWith({ tls: { cert: '/cert.pem' } }, files))).toEqual([
      'tls.cert: /cert.pem can be read by every user; set its mode to 600',
    ]);
    const device = { ...minimal.device, password: { file: '/secret' } };
    expect(warnings(loadWith({ ...key, device }, files))).toEqual([
      'tls.key: /key.pem can be read by every user; set its mode to 600',
      'device.password.file: /secret can be read by every user; set its mode to 600',
    ]);
    const content = JSON.stringify({ ...minimal, device: { ...minimal.device, password: 'hunter2' } });
    expect(warnings(load(machine({ [path]: { content, mode: 0o644 } }), path))).toEqual([
      '/etc/rm-agent.json: holds a password and can be read by every user; set its mode to 600',
    ]);
    expect(warnings(load(machine({ [path]: { content, mode: 0o640 } }), path))).toEqual([]);
  });
});

it('replaces the authorities by pins only where there are pins', () => {
  expect(errors(loadWith({ tls: { pinMode: 'replace' } }))).toEqual([
    'tls.pinMode: found "replace" without tls.pins, allowed is it with at least one pin',
  ]);
});

describe('warnings', () => {
  it('of verification that is off', () => {
    expect(warnings(loadWith({ tls: { verify: false } }))).toEqual([
      'tls.verify: false: anybody on the way can pose as the reflector and take over the device',
    ]);
  });

  it('of an id that no host name can hold', () => {
    expect(warnings(loadWith({ device: { id: 'pump_7', domain: 'd' } }))[0]).toMatch(
      /^device\.id: "pump_7" cannot be part of a host name/,
    );
  });

  it('of services that are not announced', () => {
    const services = [{ port: 80, kind: 'http' }, { port: 443, kind: 'https' }, { port: 1 }, { port: 2 }];
    expect(warnings(loadWith({ services }))).toEqual([
      'services[1]: port 443 can be reached, but the reflector is told of one http service only, that on port 80',
    ]);
  });
});
