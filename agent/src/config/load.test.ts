import { describe, expect, it } from 'vitest';
import {
  accepted,
  errors,
  type FakeFile,
  loadWith,
  machine,
  minimal,
  path,
  warnings,
} from '../../simulation/loading.ts';
import { configure, load } from './load.ts';

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
          enroll: null,
          auth: 'basic',
          name: null,
          version: null,
          tenant: null,
          properties: {},
          propertiesInterval: 0,
        },
        target: '127.0.0.1',
        services: [
          {
            port: 80,
            kind: 'http',
            path: null,
            name: null,
            target: null,
            targetPort: null,
            tls: null,
            host: null,
            forwarded: true,
            headers: 'all',
            connections: null,
            responseTimeout: null,
            access: null,
          },
        ],
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
        onDemand: { idle: 300, longest: 28_800 },
        mqtt: null,
        control: '/run/rm-agent.sock',
        stateFile: '/var/lib/rm-agent.state',
        log: { level: 'info', to: 'stderr', priorities: 'auto' },
      },
      warnings: [],
      missing: [],
      hidden: [],
      identity: [],
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
      '/usr/bin/uptime': { content: '', mode: 0o755 },
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

  it('reports why a file cannot be read', () => {
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

  it('takes comments, a comma behind the last entry, and units', () => {
    const content = `// Pump house
{
  "reflector": "https://remote.example.com/", /* ours */
  "device": { "id": "pump-7", "domain": "7f1c", },
  "services": [{ "port": 80, "kind": "http" },],
  "timeouts": { "connect": "30s", "keepAlive": "5m", "local": "2h" },
  "limits": { "windowBytes": "64KiB", "frameBytes": "16 KiB", "stallMs": "1.5s" },
}
`;
    const { timeouts, limits } = accepted(load(machine({ [path]: { content } }), path));
    expect(timeouts).toEqual({ connect: 30, keepAlive: 300, local: 7200 });
    expect(limits).toMatchObject({ windowBytes: 65_536, frameBytes: 16_384, stallMs: 1500 });
    expect(errors(loadWith({ timeouts: { connect: '500ms', keepAlive: '2 min', local: '8d' } }))).toEqual([
      'timeouts.connect: found "500ms", allowed is an integer from 1 to 600 (seconds) or a duration such as "30s"',
      'timeouts.local: found "8d", allowed is an integer from 1 to 604800 (seconds) or a duration such as "30s"',
      'timeouts.keepAlive: found "2 min", allowed is an integer from 1 to 86400 (seconds) or a duration such as "30s"',
    ]);
  });

  it('judges a configuration in memory without line numbers', () => {
    expect(configure(machine({}), { ...minimal, target: 'a b' })).toEqual({
      errors: [
        'target: found "a b", allowed is a host name or an IP address (the port is "targetPort" of the service)',
      ],
    });
    expect(configure(machine({}), minimal)).toHaveProperty('warnings', []);
  });
});

describe('variables', () => {
  const device = (id: string) => ({ device: { id, domain: 'd', name: id } });
  const net = '/sys/class/net';
  const known: Record<string, FakeFile> = {
    '/etc/serial': { content: 'SN-1\n' },
    '/etc/dollar': { content: '${nodeId}' },
    '/etc/latin-1': { content: new Uint8Array([0xff]) },
    '/etc/image': { content: ' '.repeat(4097) },
    [`${net}/lo/address`]: { content: '00:00:00:00:00:00\n' },
    [`${net}/wan0/address`]: { content: 'a0:b1:c2:d3:e4:f5\n' },
    [`${net}/eth0/address`]: { content: '01:23:45:67:89:ab\n' },
    [`${net}/br-lan/address`]: { content: '01:23:45:67:89:ab\n' },
    [`${net}/tun0/address`]: { content: '\n' },
  };

  it.each([
    ['${nodeId}', '0123456789ab'],
    ['rm-${hostname}-x', 'rm-pump-house-x'],
    ['${env.DOMAIN}', 'from-env'],
    ['${env.NESTED}', '${nodeId}'],
    ['${$}{nodeId}', '${nodeId}'],
    ['$nodeId', '$nodeId'],
    ['${env.DOMAIN:-other}', 'from-env'],
    ['${env.MISSING:-other:-one}', 'other:-one'],
    ['x${env.MISSING:-}', 'x'],
    ['${mac:wan0}', 'a0b1c2d3e4f5'],
    ['${file:/etc/serial}', 'SN-1'],
    ['x-${file:/etc/dollar}', 'x-${nodeId}'],
  ])('expands %s to %s', (source, text) => {
    expect(accepted(loadWith({ device: { id: 'x', domain: 'd', name: source } }, known)).device.name).toBe(
      text,
    );
  });

  it.each([
    [
      '${nodeID}',
      'found ${nodeID}, allowed variables are ${nodeId}, ${mac:INTERFACE}, ${hostname}, ${env.NAME}, ${file:/PATH} and ${$}',
    ],
    ['${file:/etc/nothing}', 'found ${file:/etc/nothing}, but it cannot be read: no such file'],
    ['${file:/etc/image}', 'found ${file:/etc/image}, but it cannot be read: too large'],
    ['${file:/etc/latin-1}', 'found ${file:/etc/latin-1}, but it is not UTF-8 text'],
    ['${mac:eth9}', 'found ${mac:eth9}, but there is no such hardware address'],
    ['${mac:lo}', 'found ${mac:lo}, but there is no such hardware address'],
    ['${mac:tun0}', 'found ${mac:tun0}, but there is no such hardware address'],
    ['${env.MISSING}', 'found ${env.MISSING}, but that environment variable is not set'],
    ['a${hostname', 'found "${" without "}"; a literal "${" is written "${$}{"'],
  ])('refuses %s', (source, message) => {
    expect(errors(loadWith(device(source), known))).toEqual([
      `device.id: ${message}`,
      `device.name: ${message}`,
    ]);
  });

  it('report which interface ${nodeId} was taken from', () => {
    expect(loadWith(device('${nodeId}'), known)).toHaveProperty('identity', [
      '${nodeId} is 0123456789ab, the hardware address of br-lan and eth0',
    ]);
    expect(loadWith(device('${nodeId}'))).toHaveProperty('identity', ['${nodeId} is 0123456789ab']);
    expect(loadWith(device('${mac:eth0}'), known)).toHaveProperty('identity', []);
  });

  it('are what { "file": … } stands for as the id of the device', () => {
    const of = (id: object) => loadWith({ device: { id, domain: 'd' } }, known);
    expect(accepted(of({ file: '/etc/serial' })).device.id).toBe('SN-1');
    expect(errors(of({ file: '/etc/nothing' }))).toEqual([
      'device.id: found ${file:/etc/nothing}, but it cannot be read: no such file',
    ]);
    expect(errors(of({ file: '/etc/dollar' }))).toEqual([]);
    expect(errors(of({ file: '/etc/image', env: 'X' }))).toEqual([
      'device.id.env: unknown key, allowed are file',
    ]);
    expect(errors(of({ file: 'serial' }))).toEqual([
      'device.id.file: found "serial", allowed is an absolute path without "}"',
    ]);
    expect(errors(loadWith({ device: { id: 7, domain: 'd' } }))).toEqual([
      'device.id: found 7, allowed is { "command": … } or printable ASCII without space, "@" and ":", or { "file": … }',
    ]);
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

describe('services', () => {
  const services = (...list: object[]) => loadWith({ services: list });

  it.each<[object, string]>([
    [{ port: 80 }, 'http'],
    [{ port: 443 }, 'https'],
    [{ port: 22 }, 'ssh'],
    [{ port: 3389 }, 'rdp'],
    [{ port: 5900 }, 'vnc'],
    [{ port: 81 }, 'tcp'],
    [{ port: 443, kind: 'tcp' }, 'tcp'],
    [{ port: 8001, targetPort: 80 }, 'http'],
    [{ port: 80, targetPort: 443 }, 'https'],
    [{ port: 80, targetPort: 8080 }, 'http'],
    [{ port: 80, target: 'unix:/run/x' }, 'http'],
    [{ port: 80, targetPort: null }, 'http'],
  ])('are of the kind that their port has: %j', (service, kind) => {
    expect(accepted(services(service)).services[0]?.kind).toBe(kind);
  });

  it('have no kind null, and do not hide that a port is wrong', () => {
    expect(errors(services({ port: 80, kind: null }))).toEqual([
      expect.stringMatching(/^services\[0\]\.kind: found null, allowed is one of "http", /),
    ]);
    expect(errors(services({ port: '80', targetPort: 'x' }))).toHaveLength(2);
  });

  it('reach local sockets whose path the kernel takes', () => {
    const target = (length: number) => `unix:/${'a'.repeat(length - 1)}`;
    expect(errors(services({ port: 80, target: target(107) }))).toEqual([]);
    expect(errors(services({ port: 80, target: target(108) }))).toHaveLength(1);
  });

  it.each<[object, string]>([
    [
      { port: 80, target: 'unix:run' },
      'services[0].target: found "unix:run", allowed is a host name, an IP address or "unix:/PATH" (its port is "targetPort") or null',
    ],
    [
      { port: 80, target: 'unix:/run/x', targetPort: 80 },
      'services[0].targetPort: found for a local socket, which has no port',
    ],
    [
      { port: 80, targetPort: 0 },
      'services[0].targetPort: found 0, allowed is an integer from 1 to 65535 or null',
    ],
    [{ port: 80, tls: {} }, 'services[0].tls: found for kind "http", allowed is it for "https" only'],
    [
      { port: 443, tls: { ca: '/ca' } },
      'services[0].tls.ca: found with "verify": false, allowed is it with "verify": true',
    ],
    [
      { port: 443, tls: { name: 'a' } },
      'services[0].tls.name: found with "verify": false, allowed is it with "verify": true',
    ],
    [{ port: 443, tls: { key: '/k' } }, 'services[0].tls.cert: missing, needed is the certificate of key'],
  ])('%j are wrong', (service, error) => {
    expect(errors(services(service))).toEqual([error]);
  });
});

it('the files of TLS towards a service may come later', () => {
  const tls = { verify: true, ca: '/ca', cert: '/c', key: '/k' };
  expect(loadWith({ services: [{ port: 443, tls }] })).toMatchObject({ missing: [] });
  expect(
    warnings(loadWith({ services: [{ port: 443, tls }] }, { '/k': { content: '', mode: 0o644 } })),
  ).toEqual([
    'services[0].tls.ca: /ca: no such file; each connection looks again',
    'services[0].tls.cert: /c: no such file; each connection looks again',
    'services[0].tls.key: /k can be read by every user; set its mode to 600',
  ]);
});

describe('files that the configuration names', () => {
  const key = { tls: { cert: '/cert.pem', key: '/key.pem' } };

  it('may be written later: what is missing is a warning', () => {
    const device = { ...minimal.device, password: { file: '/secret' } };
    const loaded = loadWith({ device, tls: { ...key.tls, ca: '/ca' } });
    const missing = [
      'tls.ca: /ca',
      'tls.cert: /cert.pem',
      'tls.key: /key.pem',
      'device.password.file: /secret',
    ];
    const lines = missing.map((line) => `${line}: no such file; each attempt looks again`);
    expect(warnings(loaded)).toEqual(lines);
    expect('ok' in loaded && loaded.missing).toEqual('ok' in loaded && loaded.warnings);
  });

  it('are no directories, but authorities may be', () => {
    const directory: FakeFile = { content: '', kind: 'directory' };
    expect(errors(loadWith({ tls: { cert: '/c', key: '/c' } }, { '/c': directory }))[0]).toBe(
      'tls.cert: found /c, which is a directory; allowed is a file',
    );
    expect(warnings(loadWith({ tls: { ca: '/c' } }, { '/c': directory }))).toEqual([]);
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

it.each(['192.168.1.2:80', 'camera:80', '[::1]:80', 'http://camera'])(
  'says where the port of %s goes',
  (target) => {
    const services = [{ port: 8080, target }];
    expect(errors(loadWith({ target, services }))).toEqual([
      `target: found "${target}", allowed is a host name or an IP address (the port is "targetPort" of the service)`,
      `services[0].target: found "${target}", allowed is a host name, an IP address or "unix:/PATH" (its port is "targetPort") or null`,
    ]);
  },
);

it.each([
  'fe80::1%eth0',
  '::1',
  '::',
  '2001:db8:0:0:0:0:0:7',
  '::ffff:192.0.2.1',
  'camera.lan',
  '192.168.1.2',
])('takes %s for a target', (target) => {
  expect(errors(loadWith({ target, services: [{ port: 8080, target }] }))).toEqual([]);
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

  it('of no services of several hosts', () => {
    const services = [
      { port: 80 },
      { port: 8001, target: '192.168.1.20', targetPort: 80 },
      { port: 8002, target: '192.168.1.21', targetPort: 80 },
      { port: 8003, target: '192.168.1.21', targetPort: 443 },
      { port: 8004, kind: 'http', target: 'unix:/run/x' },
    ];
    expect(warnings(loadWith({ services }))).toEqual([
      'services[3]: port 8003 can be reached, but the reflector is told of one http service only, that on port 80',
    ]);
  });

  it('of services that are not announced', () => {
    const services = [{ port: 80, kind: 'http' }, { port: 443, kind: 'https' }, { port: 1 }, { port: 2 }];
    expect(warnings(loadWith({ services }))).toEqual([
      'services[1]: port 443 can be reached, but the reflector is told of one http service only, that on port 80',
    ]);
  });

  it('of TLS that is broken', () => {
    const services = [{ port: 443, tls: { minVersion: '1.0' } }];
    expect(warnings(loadWith({ services }))).toEqual([
      expect.stringMatching(/^services\[0\]\.tls\.minVersion: TLS 1\.0 is broken \(RFC 8996\): /),
    ]);
  });
});
