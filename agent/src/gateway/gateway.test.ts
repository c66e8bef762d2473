import { utf8Decode } from 'rm-protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { EnrolmentServer } from '../../simulation/enrolment-server.ts';
import { noHandles } from '../../simulation/host.ts';
import { LocalService } from '../../simulation/local-service.ts';
import { logOf, rmAgent } from '../../simulation/rm-agent.ts';
import { gatewayLimits } from '../config/limits.ts';
import type { Dial } from '../dial/dial-service.ts';
import { Gateway, type GatewayStatus } from './gateway.ts';
import type { GatewayDeviceStatus } from './gateway-device.ts';
import { readGatewayFile } from './gateway-file.ts';

const folder = '/etc/rm-gateway.d';
let host: AgentHost;

/** A device at an address of its own. */
const device = (id: string, target: string, more: object = {}) => ({
  device: { id, domain: 'dom', password: `password of ${id}` },
  target,
  services: [{ port: 80 }],
  ...more,
});

const write = (name: string, json: unknown) =>
  host.files.writeAtomically(
    `${folder}/${name}.json`,
    ascii(typeof json === 'string' ? json : JSON.stringify(json)),
  );

/** Starts the gateway; what it has printed. */
function start(gateway: object = { folder }, more: object = {}) {
  const log = { level: 'info', to: { file: '/var/log/rm' } };
  const json = { reflector: 'http://r.example/', gateway, log, ...more };
  host.files.content.set('/etc/rm-agent.json', ascii(JSON.stringify(json)));
  return rmAgent(host);
}

/** Where the page of a gateway may be. */
const listen = { address: '10.0.0.254', port: 8080 };

const lines = () => logOf(host).filter((line) => line !== '');
const status = (): GatewayStatus => JSON.parse(rmAgent(host, 'status', '--json').out);
const statusOf = (id: string): GatewayDeviceStatus =>
  JSON.parse(rmAgent(host, 'status', '--device', id, '--json').out);
const states = () => Object.fromEntries(status().devices.map(({ id, state }) => [id, state]));

/** Who has a tunnel, by what it has proven itself with. */
const users = () =>
  host.reflector.connections
    .filter(({ isClosed, hasEnded }) => !isClosed && !hasEnded)
    .map(({ requests }) => requests[0]?.headers.get('authorization') ?? '')
    .map((field) => Buffer.from(field.replace('Basic ', ''), 'base64').toString().split('@')[0]);

beforeEach(() => {
  host = new AgentHost();
  host.files.directories.add(folder);
  // Somebody else's machines.
  for (let n = 1; n < 250; n++) new LocalService(host.network, 80, `10.0.0.${n}`);
});

describe('a gateway with a folder', () => {
  it('has a tunnel for each file, with the identity of its device', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam-2', '10.0.0.2'));
    start();
    expect(users().sort()).toEqual(['cam-1', 'cam-2']);
    expect(states()).toEqual({ 'cam-1': 'connected', 'cam-2': 'connected' });
    expect(rmAgent(host, 'status').out).toMatch(
      /^gateway: +2 of 2 devices connected.*\ncam-1 +connected for .*; 10\.0\.0\.1 reachable\n/,
    );
  });

  it('starts, replaces and stops just the device of a file that has changed', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam-2', '10.0.0.2'));
    start();
    const before = statusOf('cam-1').since;
    write('three', device('cam-3', '10.0.0.3'));
    write('two', device('cam-2', '10.0.0.4'));
    host.clock.advance(5000);
    expect(states()).toEqual({ 'cam-1': 'connected', 'cam-2': 'connected', 'cam-3': 'connected' });
    expect(statusOf('cam-2').target).toBe('10.0.0.4');
    expect(statusOf('cam-1')).toMatchObject({ since: before, connects: 1 });
    expect(host.reflector.connections).toHaveLength(4);
    host.files.remove(`${folder}/one.json`);
    host.clock.advance(5000);
    expect(users().sort()).toEqual(['cam-2', 'cam-3']);
    expect(host.reflector.connections).toHaveLength(4);
  });

  it('says of a broken file what is wrong, once, and leaves its device and all others alone', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam-2', '10.0.0.2'));
    start();
    write('one', '{ "device": { "id": "cam-1",, } }');
    write('three', { ...device('cam-3', '10.0.0.3'), sevices: [] });
    host.clock.advance(5000);
    write('four', device('cam-4', '10.0.0.4'));
    host.clock.advance(5000);
    const errors = lines().filter((line) => line.startsWith('error'));
    expect(errors).toEqual([
      `error ${folder}/one.json:1:29: expected a key in double quotes, found ","; the device stays as it was`,
      `error ${folder}/three.json:1:127: sevices: unknown key, did you mean "services"?`,
    ]);
    expect(states()).toEqual({ 'cam-1': 'connected', 'cam-2': 'connected', 'cam-4': 'connected' });
    expect(status().faults).toHaveLength(2);
    write('one', device('cam-1', '10.0.0.1'));
    host.clock.advance(5000);
    expect(status().faults).toHaveLength(1);
    expect(statusOf('cam-1').connects).toBe(1);
  });

  it('does not wait for a FIFO among the files', () => {
    host.files.fifos.add(`${folder}/two.json`);
    write('one', device('cam-1', '10.0.0.1'));
    start();
    expect(states()).toEqual({ 'cam-1': 'connected' });
    expect(status().faults).toEqual([`${folder}/two.json: is no file`]);
  });

  it('waits until a folder is quiet, but not for ever', () => {
    start();
    for (let n = 0; n < 40; n++) {
      write('one', { ...device('cam-1', '10.0.0.1'), n });
      host.clock.advance(gatewayLimits.folderQuietMs - 1);
    }
    const judged = lines().filter((line) => /unknown key/.test(line));
    expect(judged.length).toBeGreaterThan(0);
    expect(judged.length).toBeLessThan(8);
  });

  it('writes no control character of a file name to a terminal', () => {
    write('red\x1b[31m', '{');
    start();
    expect(rmAgent(host, 'status').out).toContain(`wrong:        ${folder}/red [31m.json:1:2`);
    expect(rmAgent(host, 'check', '--offline').out).toContain(
      `FAILED device        ${folder}/red [31m.json:1:2`,
    );
  });

  it('has one device of an identity, also in its own file', () => {
    start({ devices: [device('cam-1', '10.0.0.1'), device('cam-1', '10.0.0.2')] });
    expect(statusOf('cam-1').target).toBe('10.0.0.1');
    expect(status().faults).toEqual([
      expect.stringMatching(
        /gateway\.devices\[1\].*found "cam-1", which .*gateway\.devices\[0\] has already/,
      ),
    ]);
  });

  it('has one device of an identity', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam-1', '10.0.0.2'));
    start();
    expect(statusOf('cam-1').target).toBe('10.0.0.1');
    expect(status().faults).toEqual([
      `${folder}/two.json: device.id: found "cam-1", which ${folder}/one.json has already`,
    ]);
    host.files.remove(`${folder}/one.json`);
    host.clock.advance(5000);
    expect(statusOf('cam-1').target).toBe('10.0.0.2');
  });

  it('lets devices exchange their IDs, each with one tunnel at a time', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam-2', '10.0.0.2'));
    write('three', device('cam-3', '10.0.0.3'));
    start();
    write('one', device('cam-2', '10.0.0.1'));
    write('two', device('cam-3', '10.0.0.2'));
    write('three', device('cam-1', '10.0.0.3'));
    host.clock.advance(5000);
    expect(status().faults).toEqual([]);
    expect(['cam-1', 'cam-2', 'cam-3'].map((id) => statusOf(id).target)).toEqual([
      '10.0.0.3',
      '10.0.0.1',
      '10.0.0.2',
    ]);
    expect(users().sort()).toEqual(['cam-1', 'cam-2', 'cam-3']);
    expect(host.reflector.connections).toHaveLength(6);
  });

  it('keeps an ID with whoever has it, also when another file is read first', () => {
    write('b', device('cam-1', '10.0.0.1'));
    write('a', device('cam-2', '10.0.0.2'));
    write('c', device('cam-3', '10.0.0.3'));
    start();
    write('b', device('cam-1', '10.0.0.4'));
    write('a', device('cam-1', '10.0.0.2'));
    // Of a device that stays, as its new ID is not free.
    write('c', device('cam-2', '10.0.0.3'));
    host.clock.advance(5000);
    expect(Object.keys(states()).sort()).toEqual(['cam-1', 'cam-2', 'cam-3']);
    expect(statusOf('cam-1').target).toBe('10.0.0.4');
    expect([...status().faults].sort()).toEqual([
      `${folder}/a.json: device.id: found "cam-1", which ${folder}/b.json has already`,
      `${folder}/c.json: device.id: found "cam-2", which ${folder}/a.json has already`,
    ]);
  });

  it('reads all files again on SIGHUP, and dials for devices that wait', () => {
    host.system.variables.set('CAMERA', '10.0.0.1');
    write('one', device('cam-1', '${env.CAMERA}'));
    start();
    host.system.variables.set('CAMERA', '10.0.0.2');
    host.system.signals.get('SIGHUP')?.();
    host.clock.advance(5000);
    expect(statusOf('cam-1').target).toBe('10.0.0.2');
  });

  it('begins anew when what the devices share has changed, and not when it is wrong', () => {
    write('one', device('cam-1', '10.0.0.1'));
    start();
    start({ folder: 7 });
    host.clock.advance(100);
    host.system.signals.get('SIGHUP')?.();
    expect(lines().at(-1)).toMatch(/the configuration stays as it was: .*gateway\.folder/);
  });

  it('goes on with what it has when the folder cannot be read', () => {
    start({ folder: '/etc/nowhere' });
    expect(lines()).toContain(
      'error gateway.folder: /etc/nowhere: no such file; its changes count after SIGHUP only',
    );
  });

  it('holds nothing when it has ended', () => {
    for (let n = 1; n < 20; n++) write(`d${n}`, device(`d${n}`, `10.0.0.${n}`));
    start();
    host.system.signals.get('SIGTERM')?.();
    host.clock.advance(10_000);
    expect(host.system.exitStatus).toBe(0);
    host.clock.advance(1_000_000);
    expect(host.handles).toEqual(noHandles);
    expect([host.files.watchers, host.network.watchers]).toEqual([0, 0]);
  });
});

describe('a gateway with devices in its file', () => {
  it('runs them, and changes those that have changed', () => {
    start({ devices: [device('cam-1', '10.0.0.1'), device('cam-2', '10.0.0.2')] });
    const { since } = statusOf('cam-2');
    const json = {
      reflector: 'http://r.example/',
      log: { level: 'info', to: { file: '/var/log/rm' } },
      gateway: { devices: [device('cam-3', '10.0.0.3'), device('cam-2', '10.0.0.2')] },
    };
    host.files.content.set('/etc/rm-agent.json', ascii(JSON.stringify(json)));
    host.system.signals.get('SIGHUP')?.();
    host.clock.advance(5000);
    expect(states()).toEqual({ 'cam-2': 'connected', 'cam-3': 'connected' });
    expect(statusOf('cam-2').since).toBe(since);
  });

  it.each([
    ['no device', {}, /gateway: needed is either "devices" or "folder"/],
    ['both', { devices: [], folder }, /gateway: needed is either/],
    ['what is none', { devices: 7 }, /gateway\.devices: allowed is an array of devices/],
    ['an unknown key', { folder, wach: true }, /gateway\.wach: unknown key/],
    [
      'too many',
      { devices: Array.from({ length: 201 }, () => ({})) },
      /gateway\.devices: found 201 devices, allowed are 200/,
    ],
    [
      'a page that is nowhere',
      { folder, page: {} },
      /page\.device: missing, needed is "device", "listen" or both/,
    ],
    [
      'a page for users of the reflector that the reflector does not know',
      { folder, page: { users: ['alice'], listen } },
      /page\.users: found without "device", needed is it/,
    ],
    [
      'a page at an address that is none',
      { folder, page: { listen: { ...listen, address: '10.0.0' } } },
      /page\.listen\.address: found "10\.0\.0", allowed is an IP address/,
    ],
    [
      'a page at a name',
      { folder, page: { listen: { ...listen, address: 'board' } } },
      /page\.listen\.address: found "board", allowed is an IP address/,
    ],
  ])('with %s is an error', (_, gateway, line) => {
    const { err, status: exit } = start(gateway);
    expect(err).toMatch(line);
    expect(err).toMatch(/^\/etc\/rm-agent\.json:1:\d+: /);
    expect(exit).toBe(78);
  });

  it.each([
    ['services', { services: [] }],
    ['target', { target: '10.0.0.1' }],
    ['device', { device: { id: 'a', domain: 'b' } }],
  ])('with %s beside it is an error', (key, more) => {
    const { err, status: exit } = start({ devices: [] }, more);
    expect(err).toMatch(`${key}: found beside "gateway", allowed is it in each of its devices`);
    expect(exit).toBe(78);
  });
});

describe('a device of a gateway', () => {
  const faults = (json: unknown) => {
    write('one', json as object);
    start();
    return status().faults.map((line) => line.replace(/^.*one\.json:\d+:\d+: /, ''));
  };

  it.each([
    ['without a target', { ...device('a', ''), target: undefined }, /services\[0\]\.target: missing/],
    ['with what is the process’s', device('a', '10.0.0.1', { control: null }), /^control: found in a device/],
    ['with MQTT', device('a', '10.0.0.1', { mqtt: {} }), /^mqtt: found in a device of a gateway/],
    ['with limits', device('a', '10.0.0.1', { limits: {} }), /^limits: found in a device/],
    [
      'with an ID of a program',
      { ...device('a', '10.0.0.1'), device: { id: { command: 'id' }, domain: 'd' } },
      /^device\.id: found a command/,
    ],
    [
      'with a property of the gateway',
      { ...device('a', '10.0.0.1'), device: { id: 'a', domain: 'd', properties: { reachable: '' } } },
      /^device\.properties\.reachable: found/,
    ],
    [
      'with TLS of which nobody has said who is there',
      device('a', '10.0.0.1', { services: [{ port: 443 }] }),
      /^services\[0\]\.tls: needed are pins, or "verify": true .*, or "verify": false/,
    ],
    [
      'with such TLS at a name that looks like a loopback address',
      device('a', '127.0.0.1.example', { services: [{ port: 443 }] }),
      /^services\[0\]\.tls: needed are pins/,
    ],
  ])('%s is an error', (_, json, line) => {
    expect(faults(json)).toEqual([expect.stringMatching(line)]);
  });

  it('may speak TLS to a target when it is said how it is verified', () => {
    for (const tls of [{ verify: false }, { verify: true }, { pins: [`sha256/${'A'.repeat(43)}=`] }])
      expect(faults(device('a', '10.0.0.1', { services: [{ port: 443, tls }] }))).toEqual([]);
  });

  it('may have a reflector, TLS, proxies and times of its own', () => {
    host.network.names.set('other.example', ['192.0.2.1']);
    expect(faults(device('a', '10.0.0.1', { reflector: 'http://other.example/' }))).toEqual([]);
    expect(statusOf('a')).toMatchObject({ state: 'connected', reflector: 'http://other.example/' });
  });

  it('is disabled and enabled by its ID, and that outlives the gateway', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam/2', '10.0.0.2'));
    start();
    expect(rmAgent(host, 'disable', '--persist', '--device', 'cam/2').status).toBe(0);
    expect(states()).toEqual({ 'cam-1': 'connected', 'cam/2': 'disabled' });
    expect(utf8Decode(host.files.read('/var/lib/rm-agent.state.cam%2F2', 100))).toBe('disabled\n');
    write('two', device('cam/2', '10.0.0.3'));
    host.clock.advance(5000);
    expect(states()).toMatchObject({ 'cam/2': 'disabled' });
    expect(rmAgent(host, 'enable').status).toBe(0);
    expect(states()).toEqual({ 'cam-1': 'connected', 'cam/2': 'connected' });
  });

  it('is unknown by another ID, and an agent that is no gateway has none', () => {
    write('one', device('cam-1', '10.0.0.1'));
    start();
    expect(rmAgent(host, 'retry', '--device', 'cam-9')).toMatchObject({
      err: 'there is no device "cam-9"\n',
      status: 69,
    });
    expect(rmAgent(host, 'status', '--device', 'a b').status).toBe(64);
    host.files.content.set('/etc/other.json', ascii('{}'));
    expect(rmAgent(host, 'status', '--device', 'a', '--config', '/etc/other.json').status).toBe(64);
  });

  it('asks for consent, which is given by its ID', () => {
    write('one', device('cam-1', '10.0.0.1', { access: { mode: 'consent' } }));
    start();
    const peer = host.reflector.connections[0]?.peer;
    peer?.open(1, 80);
    host.clock.advance(1000);
    expect(statusOf('cam-1').access.waiting).toHaveLength(1);
    expect(rmAgent(host, 'consent', 'allow', '--device', 'cam-1').status).toBe(0);
    expect(statusOf('cam-1').channels).toBe(1);
  });

  it('tells the reflector whether it can be reached, and the log when that changes', () => {
    host.network.endpoints.delete('10.0.0.1:80');
    write('one', device('cam-1', '10.0.0.1'));
    start({ folder, probe: 60 });
    expect(statusOf('cam-1').reachability).toMatchObject({ ok: false, reason: 'connection refused' });
    expect(rmAgent(host, 'status').out).toMatch(/10\.0\.0\.1 NOT reachable: connection refused/);
    new LocalService(host.network, 80, '10.0.0.1');
    host.clock.advance(130_000);
    expect(statusOf('cam-1').reachability).toMatchObject({ ok: true, reason: null });
    expect(lines().filter((line) => /the device/.test(line))).toEqual([
      'warning cam-1: the device cannot be reached: connection refused',
      'info cam-1: the device can be reached again',
    ]);
    expect(host.reflector.connections[0]?.peer?.seen.join()).toContain('reachable');
  });

  it('is not there because somebody tries to reach it', () => {
    host.network.endpoints.delete('10.0.0.1:80');
    write('one', device('cam-1', '10.0.0.1'));
    start({ folder, probe: 10 });
    host.clock.advance(20_000);
    expect(statusOf('cam-1').reachability).toMatchObject({ ok: false });
    host.network.endpoints.set('10.0.0.1:80', 'silent');
    // One attempt a second, until the next look at the device.
    for (let channel = 1; channel < 12; channel++) {
      host.reflector.connections[0]?.peer?.open(channel, 80);
      host.clock.advance(1_000);
    }
    expect(statusOf('cam-1').reachability).toMatchObject({ ok: false });
  });

  it('is not asked while it is in use', () => {
    write('one', device('cam-1', '10.0.0.1'));
    start({ folder, probe: 10 });
    const asked = () => host.network.dialled.filter((place) => place === '10.0.0.1:80').length;
    host.reflector.connections[0]?.peer?.open(1, 80);
    host.clock.advance(20);
    const before = asked();
    host.clock.advance(100_000);
    expect(asked()).toBe(before);
  });
});

describe('enrolment', () => {
  it('is each device’s own, and what it keeps lies beside the state of the gateway', () => {
    const server = new EnrolmentServer(host.reflector);
    for (const id of ['a', 'b'])
      write(id, { ...device(id, '10.0.0.1'), device: { id, enroll: { key: `key of ${id}` } } });
    host.system.variables.set('RM_STATE_DIR', '/data');
    host.files.directories.add('/data');
    start();
    host.clock.advance(10_000);
    expect(server.requests.map(({ id, key }) => [id, key]).sort()).toEqual([
      ['a', 'key of a'],
      ['b', 'key of b'],
    ]);
    expect(new Set(server.requests.map(({ secret }) => secret)).size).toBe(2);
    expect(host.files.list('/data').filter((name) => name.includes('state'))).toEqual([
      'rm-agent.state.a',
      'rm-agent.state.b',
    ]);
    expect(states()).toEqual({ a: 'connected', b: 'connected' });
  });
});

describe('a device on demand', () => {
  it('is opened by its ID', () => {
    write('one', device('cam-1', '10.0.0.1', { start: 'onDemand' }));
    start();
    expect(states()).toEqual({ 'cam-1': 'stopped' });
    expect(rmAgent(host, 'open', '600', '--device', 'cam-1').status).toBe(0);
    expect(states()).toEqual({ 'cam-1': 'connected' });
    expect(rmAgent(host, 'open', '0', '--device', 'cam-1').status).toBe(0);
    expect(states()).toEqual({ 'cam-1': 'stopped' });
    expect(rmAgent(host, 'disable', '--device', 'cam-1').status).toBe(0);
    expect(rmAgent(host, 'open', '--device', 'cam-1')).toMatchObject({
      status: 69,
      err: 'remote access is disabled\n',
    });
    expect(rmAgent(host, 'enable', '--device', 'cam-1').status).toBe(0);
    expect(rmAgent(host, 'open', '600', '--device', 'cam-1').status).toBe(0);
    expect(states()).toEqual({ 'cam-1': 'connected' });
  });
});

describe('what a device waits for', () => {
  it('is looked at again', () => {
    write('one', device('${file:/etc/serial}', '10.0.0.1'));
    start();
    expect(status().faults).toEqual([expect.stringMatching(/device\.id: found .*serial/)]);
    host.files.content.set('/etc/serial', ascii('cam-7'));
    host.clock.advance(gatewayLimits.waitMs + 5000);
    expect(states()).toEqual({ 'cam-7': 'connected' });
  });
});

describe('the service that a page uses', () => {
  const settings = () => {
    host.files.content.set(
      '/etc/g.json',
      ascii(JSON.stringify({ reflector: 'http://r.example/', gateway: { folder } })),
    );
    const read = readGatewayFile(host, '/etc/g.json');
    if ('errors' in read) throw new Error(read.errors.join());
    return read;
  };
  let gateway: Gateway;
  let changes = 0;

  beforeEach(() => {
    changes = 0;
    gateway = new Gateway(host, settings(), host.log, (id) =>
      id === 'page' ? new Map([[80, dialPage]]) : new Map(),
    );
    gateway.onChange(() => changes++);
  });

  const dialPage: Dial = (handler) =>
    host.clock.schedule(0, () => handler.closed({ code: 'refused', message: 'the page is closed' }));

  it('adds, changes and removes devices by their files', () => {
    expect(gateway.put('one', JSON.parse(JSON.stringify(device('cam-1', '10.0.0.1'))))).toEqual([]);
    host.clock.advance(1000);
    expect(gateway.status().devices).toMatchObject([{ id: 'cam-1', state: 'connected' }]);
    expect(gateway.put('one', {})).not.toEqual([]);
    expect(gateway.put('../one', JSON.parse(JSON.stringify(device('cam-2', '10.0.0.2'))))).toEqual([
      expect.stringMatching(/allowed is a file name/),
    ]);
    expect(gateway.device('cam-1')?.status().target).toBe('10.0.0.1');
    expect(gateway.remove('one')).toEqual([]);
    host.clock.advance(5000);
    expect(gateway.status().devices).toEqual([]);
    expect(changes).toBe(2);
    host.files.full = true;
    expect(gateway.put('one', JSON.parse(JSON.stringify(device('cam-1', '10.0.0.1'))))).toEqual([
      'no space left',
    ]);
  });

  it('tries the services of a device that is not there yet', () => {
    const json = JSON.parse(
      JSON.stringify(device('cam-1', '10.0.0.1', { services: [{ port: 22 }, { port: 80 }] })),
    );
    const found: unknown[] = [];
    gateway.test(
      json,
      ({ port }, failure) => found.push([port, failure]),
      (problems) => found.push(problems),
    );
    host.clock.advance(20_000);
    expect(found).toEqual([[22, 'connection refused'], [80, null], []]);
    gateway.test(
      {},
      () => undefined,
      (problems) => found.push(problems.length > 0),
    );
    host.clock.advance(1000);
    expect(found.at(-1)).toBe(true);
  });

  it('answers for a device inside the process', () => {
    gateway.put('page', JSON.parse(JSON.stringify(device('page', '127.0.0.1'))));
    host.clock.advance(1000);
    host.reflector.peer.open(1, 80);
    host.clock.advance(1000);
    expect(gateway.device('page')?.status().services[0]?.result).toMatchObject({
      reason: 'the page is closed',
    });
  });
});

describe('names of targets', () => {
  const reach = (addresses: readonly string[]) => {
    host.network.names.set('camera.lan', addresses);
    for (const address of addresses) new LocalService(host.network, 80, address);
    write('one', device('cam-1', 'camera.lan'));
    start();
    return statusOf('cam-1').reachability;
  };

  it.each([
    ['127.0.0.1', 'a loopback address'],
    ['127.9.9.9', 'a loopback address'],
    ['0.0.0.0', 'a loopback address'],
    ['::1', 'a loopback address'],
    ['::ffff:127.0.0.1', 'a loopback address'],
    ['169.254.1.1', 'a link-local address'],
    ['fe80::1', 'a link-local address'],
    ['224.0.0.1', 'an address of no single machine'],
    ['255.255.255.255', 'an address of no single machine'],
    ['192.0.2.77', 'an address of the gateway itself'],
    ['2001:db8::77', 'an address of the gateway itself'],
  ])('do not lead to %s', (address, why) => {
    host.files.content.set(
      '/proc/net/fib_trie',
      ascii('Local:\n  +-- 192.0.2.0/24 2 0 2\n     |-- 192.0.2.77\n        /32 host LOCAL\n'),
    );
    host.files.content.set(
      '/proc/net/if_inet6',
      ascii('20010db8000000000000000000000077 02 40 00 80 eth0\n'),
    );
    expect(reach([address])).toMatchObject({ ok: false, reason: expect.stringContaining(why) });
    expect(host.network.dialled).not.toContain(`${address}:80`);
  });

  it('lead to the others of their addresses', () => {
    expect(reach(['127.0.0.1', '10.0.0.200'])).toMatchObject({ ok: true });
  });

  it('are no matter where the address itself is the target', () => {
    new LocalService(host.network, 80);
    write('one', device('box', '127.0.0.1'));
    start();
    expect(statusOf('box').reachability).toMatchObject({ ok: true });
  });
});

describe('the page of a gateway on its network', () => {
  const page = () => host.network.endpoints.has('10.0.0.254:8080');
  const textStatus = () => rmAgent(host, 'status').out;

  it('is there where it is configured, with a warning', () => {
    start({ folder, page: { listen } });
    expect(page()).toBe(true);
    expect(lines()).toContainEqual(
      expect.stringMatching(
        /warning gateway\.page\.listen: the page is served without TLS on 10\.0\.0\.254 port 8080: /,
      ),
    );
    expect(status()).toMatchObject({ devices: [], pageListen: { ...listen, fault: null } });
    expect(textStatus()).toMatch(/^page: +on 10\.0\.0\.254 port 8080, without TLS$/m);
    expect(rmAgent(host, 'check', '--offline').err).toMatch(
      /^warning .*json:1:\d+: gateway\.page\.listen: the page is served without TLS on 10\.0\.0\.254 port 8080: /,
    );
  });

  it('is not there unless that is configured', () => {
    start({ folder, page: { device: device('page', '').device } });
    expect([...host.network.endpoints.keys()].filter((key) => key.startsWith('10.0.0.254'))).toEqual([]);
    expect(status()).not.toHaveProperty('pageListen');
  });

  it('is no longer there, or elsewhere, after the configuration has changed', () => {
    start({ folder, page: { listen } });
    const change = (given: object) => {
      const log = { level: 'info', to: { file: '/var/log/rm' } };
      const json = { reflector: 'http://r.example/', gateway: { folder, ...given }, log };
      host.files.content.set('/etc/rm-agent.json', ascii(JSON.stringify(json)));
      host.system.signals.get('SIGHUP')?.();
      host.clock.advance(1000);
    };
    change({ page: { listen: { ...listen, port: 8081 } } });
    expect([page(), host.network.endpoints.has('10.0.0.254:8081')]).toEqual([false, true]);
    change({});
    expect(host.network.endpoints.has('10.0.0.254:8081')).toBe(false);
  });

  it('says once where it cannot be, and status says it as long as that is so', () => {
    host.network.endpoints.set('10.0.0.254:8080', 'silent');
    start({ folder, page: { listen } });
    host.clock.advance(100_000);
    const complaints = lines().filter((line) => line.includes('another program'));
    expect(complaints).toEqual([
      expect.stringMatching(
        /error gateway\.page\.listen: 10\.0\.0\.254 port 8080: another program listens there; it is tried again$/,
      ),
    ]);
    expect(textStatus()).toMatch(/^page: +NOT on 10\.0\.0\.254 port 8080: another program listens there$/m);
    host.network.endpoints.delete('10.0.0.254:8080');
    host.clock.advance(30_000);
    expect(textStatus()).toMatch(/^page: +on 10\.0\.0\.254/m);
  });
});

describe('200 devices', () => {
  const all = () => {
    for (let n = 1; n <= 200; n++) write(`d${n}`, device(`d${n}`, `10.0.0.${n}`));
  };
  const live = () => new Set(users()).size;

  it('connect a few at a time, and all of them', () => {
    all();
    let most = 0;
    host.clock.observer = () => {
      const dialling = host.reflector.connections.filter(({ peer, isClosed }) => !peer && !isClosed).length;
      most = Math.max(most, dialling);
    };
    start();
    host.clock.advance(60_000);
    expect(live()).toBe(200);
    expect(most).toBeLessThanOrEqual(gatewayLimits.dialsAtOnce);
    expect(most).toBeGreaterThan(1);
  });

  it('share a look-up, and the watch of the network', () => {
    all();
    let most = 0;
    host.clock.observer = () => {
      most = Math.max(most, host.network.lookUps);
    };
    start();
    expect([most, host.network.watchers]).toEqual([1, 1]);
  });

  it('come back after all were cut, while those whose reflector is silent keep nobody from it', () => {
    all();
    host.network.names.set('silent.example', ['192.0.2.9']);
    host.network.endpoints.set('192.0.2.9:80', 'silent');
    for (let n = 101; n <= 200; n++)
      write(`d${n}`, device(`d${n}`, `10.0.0.${n}`, { reflector: 'http://silent.example/' }));
    start();
    host.clock.advance(120_000);
    expect(live()).toBe(100);
    for (const { socket } of host.reflector.connections) socket.destroy();
    host.clock.advance(300_000);
    expect(live()).toBe(100);
  });

  it('are all that there may be', () => {
    all();
    write('z', device('z', '10.0.0.201'));
    start();
    expect(status().devices).toHaveLength(200);
    expect(status().faults).toEqual([`${folder}/z.json: allowed are 200 devices`]);
  });

  it('have channels together, of which none has all', () => {
    for (let n = 1; n <= 12; n++) write(`d${n}`, device(`d${n}`, `10.0.0.${n}`));
    start({ folder }, { limits: { channels: 40 } });
    for (const { peer } of host.reflector.connections)
      for (let channel = 1; channel <= 15; channel++) peer?.open(channel, 80);
    host.clock.advance(1000);
    const open = () => status().devices.map(({ channels }) => channels);
    expect(open().reduce((sum, count) => sum + count)).toBe(40);
    expect(Math.max(...open())).toBe(10);
    // What one leaves is for the others.
    host.files.remove(`${folder}/d1.json`);
    host.clock.advance(5000);
    host.reflector.connections.at(-1)?.peer?.open(99, 80);
    host.clock.advance(1000);
    expect(open().reduce((sum, count) => sum + count)).toBe(31);
  });
});

describe('check of a gateway', () => {
  it('reports each device, its services and its tunnel', () => {
    write('one', device('cam-1', '10.0.0.1'));
    write('two', device('cam-2', '10.0.0.250'));
    write('three', '{');
    const json = { reflector: 'http://r.example/', gateway: { folder } };
    host.files.content.set('/etc/rm-agent.json', ascii(JSON.stringify(json)));
    const { out, status: exit } = rmAgent(host, 'check');
    expect(out).toMatch(/FAILED device +.*three\.json:1:2: expected/);
    expect(out).toMatch(/ok +service +cam-1: port 80\n/);
    expect(out).toMatch(/FAILED service +cam-2: port 80: connection refused\n/);
    expect(out).toMatch(/ok +machine +2 devices fit/);
    expect(exit).toBe(78);
    expect(rmAgent(host, 'check', '--offline', '--device', 'cam-1').out).not.toMatch('service');
    expect(rmAgent(host, 'check', '--device', 'cam-1').out).toMatch(/ok +upgrade +http:\/\/r\.example/);
  });

  it('tries the way of each device where no gateway runs, and leaves alone who would wait for the same silence', () => {
    host.network.names.set('other.example', ['192.0.2.1']);
    for (const [name, id] of Object.entries({ one: 'cam-1', two: 'cam-2', three: 'cam-3' }))
      write(name, device(id, '10.0.0.1', id === 'cam-3' ? { reflector: 'http://other.example/' } : {}));
    const json = { reflector: 'http://r.example/', gateway: { folder } };
    host.files.content.set('/etc/rm-agent.json', ascii(JSON.stringify(json)));
    const steps = () =>
      [...rmAgent(host, 'check').out.matchAll(/^(ok|FAILED) +(upgrade|tunnel) +(.*)$/gm)].map(([line]) =>
        line.replace(/ +/g, ' '),
      );
    expect(steps()).toEqual([
      'ok upgrade cam-1: http://r.example/',
      'ok upgrade cam-3: http://other.example/',
      'ok upgrade cam-2: http://r.example/',
    ]);
    expect(host.system.exitStatus).toBe(0);

    host.reflector.answer = ({ headers }) => {
      const user = headers.get('authorization') ?? '';
      return Buffer.from(user.slice(6), 'base64').toString().startsWith('cam-1')
        ? 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'
        : 'accept';
    };
    expect(steps()[0]).toMatch(/^FAILED upgrade cam-1: /);
    expect(steps().slice(1)).toEqual([
      'ok upgrade cam-3: http://other.example/',
      'ok upgrade cam-2: http://r.example/',
    ]);
    expect(host.system.exitStatus).toBe(69);

    host.network.names.delete('r.example');
    expect(steps()).toEqual([
      'ok upgrade cam-3: http://other.example/',
      'FAILED tunnel cam-2: not tried, for another device has not reached http://r.example/ in the same way',
    ]);
    expect(host.system.exitStatus).toBe(69);
  });

  it('tries a device with a proxy of its own by itself', () => {
    write('one', device('cam-1', '10.0.0.1', { proxy: 'http://nobody.example:3128' }));
    write('two', device('cam-2', '10.0.0.1'));
    const json = { reflector: 'http://r.example/', gateway: { folder } };
    host.files.content.set('/etc/rm-agent.json', ascii(JSON.stringify(json)));
    expect(rmAgent(host, 'check').out).toMatch(/ok +upgrade +cam-2: http:\/\/r\.example\//);
    expect(host.system.exitStatus).toBe(69);
  });

  it('judges an image by its own files, and warns of what the device gets later', () => {
    const put = (path: string, json: unknown) =>
      host.files.content.set(`/image${path}`, ascii(JSON.stringify(json)));
    host.files.directories.add(`/image${folder}`);
    put('/etc/rm-agent.json', {
      reflector: 'http://r.example/',
      stateFile: '/data/${file:/etc/serial}',
      gateway: { folder },
    });
    put(`${folder}/one.json`, {
      ...device('cam-1', '10.0.0.1'),
      device: { id: 'cam-1', domain: 'dom', password: { file: '/etc/secret' } },
    });
    const judge = () => rmAgent(host, 'check', '--offline', '--root', '/image');
    const good = judge();
    expect(good.out).toBe('ok     configuration /etc/rm-agent.json\n');
    expect(good.err.split('\n')).toEqual([
      'warning /etc/rm-agent.json:1:46: stateFile: found ${file:/etc/serial}, but it cannot be read: no such file',
      `warning ${folder}/one.json: device.password.file: /etc/secret: no such file; each attempt looks again`,
      '',
    ]);
    expect(good.status).toBe(0);
    put(`${folder}/two.json`, { ...device('cam-2', '10.0.0.1'), sevices: [] });
    write('three', '{');
    const bad = judge();
    expect(bad.out).toMatch(/FAILED device +\/etc\/rm-gateway\.d\/two\.json: sevices: unknown key/);
    expect(bad.out).not.toMatch('three');
    expect(bad.status).toBe(78);
  });

  it('takes IDs of an image that only the device knows for the same only if they are', () => {
    const put = (path: string, json: unknown) =>
      host.files.content.set(`/image${path}`, ascii(JSON.stringify(json)));
    host.files.directories.add(`/image${folder}`);
    put('/etc/rm-agent.json', { reflector: 'http://r.example/', gateway: { folder } });
    const named = (id: string) => ({
      ...device('', '10.0.0.1'),
      device: { id, domain: 'dom', password: 'p' },
    });
    put(`${folder}/one.json`, named('${file:/etc/one}'));
    put(`${folder}/two.json`, named('${file:/etc/two}'));
    const judge = () => rmAgent(host, 'check', '--offline', '--root', '/image');
    expect(judge()).toMatchObject({ out: 'ok     configuration /etc/rm-agent.json\n', status: 0 });
    put(`${folder}/three.json`, named('${file:/etc/two}'));
    expect(judge().out).toMatch(/FAILED device .*: device\.id: another has "\$\{file:\/etc\/two\}" already/);
  });

  it('asks the running gateway', () => {
    write('one', device('cam-1', '10.0.0.1'));
    start();
    const { out, status: exit } = rmAgent(host, 'check');
    expect(out).toMatch(/ok +tunnel +cam-1: connected for/);
    expect(exit).toBe(0);
    write('two', device('cam-2', '10.0.0.250'));
    host.clock.advance(5000);
    expect(rmAgent(host, 'check').status).toBe(75);
  });
});
