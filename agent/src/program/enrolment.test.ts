import { createHash } from 'node:crypto';
import { decodeBasic, utf8Decode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { EnrolmentServer } from '../../simulation/enrolment-server.ts';
import { hostWith, logOf, rmAgent } from '../../simulation/rm-agent.ts';
import { buildDate } from '../config/version.ts';

const stateFile = '/var/lib/rm-agent.state';
const key = 'rme_0123456789abcdef';
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const hardware = sha256('0123456789ab').toString('hex');

/** A device that is to enrol, and the server that it does so at. */
function stage(enroll: object = { key }, given: object = {}) {
  const host = hostWith({ device: { id: 'pump-7', enroll, ...given } });
  return { host, server: new EnrolmentServer(host.reflector) };
}

function stateOf(host: AgentHost): string {
  return utf8Decode(host.files.content.get(stateFile) ?? new Uint8Array());
}

function secretOf(host: AgentHost): string {
  return /^secret (\S+)$/m.exec(stateOf(host))?.[1] ?? '';
}

/** By what the last upgrade has proven the device. */
function shown(host: AgentHost) {
  const upgrade = host.reflector.connections.flatMap(({ requests }) => requests).at(-1);
  return decodeBasic(upgrade?.headers.get('authorization') ?? '');
}

function statusOf(host: AgentHost) {
  return JSON.parse(rmAgent(host, 'status', '--json').out);
}

/** The same machine after its power was cut. */
function startedAgain(host: AgentHost, files = host.files.content): AgentHost {
  const again = hostWith();
  for (const [path, bytes] of files) again.files.content.set(path, bytes);
  return again;
}

describe('a device that enrols', () => {
  it('exchanges its key for a password of its own, once', () => {
    const { host, server } = stage();
    rmAgent(host);
    expect(statusOf(host)).toMatchObject({ state: 'connected', code: null });
    const secret = secretOf(host);
    expect(server.requests).toEqual([{ id: 'pump-7', domain: null, key, secret, hardware }]);
    expect(stateOf(host)).toBe(`secret ${secret}\ndevice pump-7@dom ${hardware} 0\n`);
    expect(shown(host)).toEqual({
      user: 'pump-7@dom',
      password: sha256(`${secret}:${hardware}`).toString('base64'),
    });
    expect(logOf(host)).toContain('info enrolled as pump-7@dom');
    expect(stateOf(host) + logOf(host).join()).not.toContain(key);
    const again = startedAgain(host);
    new EnrolmentServer(again.reflector);
    rmAgent(again);
    expect(again.reflector.connections).toHaveLength(1);
    expect(shown(again)).toEqual(shown(host));
  });

  it('keeps what enable and disable have left', () => {
    const { host } = stage();
    rmAgent(host);
    rmAgent(host, 'disable', '--persist');
    expect(stateOf(host)).toMatch(/^disabled\nsecret \S+\ndevice /);
    rmAgent(host, 'enable', '--persist');
    expect(statusOf(host)).toMatchObject({ state: 'connected', persisted: 'enabled' });
  });

  it('takes the ID from a program, and the hardware too', () => {
    const { host, server } = stage({ hardware: { command: 'fuse' } }, { id: { command: ['serial', '-s'] } });
    host.processes.results.set('serial -s', { output: ascii('sn-99\nmore') });
    host.processes.results.set('fuse', { output: ascii('f00d\n') });
    rmAgent(host);
    expect(server.requests).toMatchObject([{ id: 'sn-99', hardware: sha256('f00d').toString('hex') }]);
    expect(shown(host)?.user).toBe('sn-99@dom');
  });

  it.each([
    ['serial', { status: 3 }, 'device.id: serial: status 3, and ""'],
    ['serial', { output: ascii('a b\n') }, 'device.id: found "a b"'],
    ['none', {}, 'device.id: none: no such file'],
  ])('tries again while %s does not tell its ID', (command, result, why) => {
    const { host, server } = stage({}, { id: { command } });
    host.processes.results.set('serial', result);
    rmAgent(host);
    expect(server.requests).toEqual([]);
    expect(statusOf(host).lastError).toBe(why);
    host.processes.results.set(command, { output: ascii('sn-99') });
    rmAgent(host, 'retry');
    expect(statusOf(host).state).toBe('connected');
  });

  it.each([
    ['/sys/firmware/devicetree/base/serial-number', '10000000abcd\0', '10000000abcd\0'],
    ['/etc/machine-id', 'b0a1\n', '0123456789ab'],
  ])('is known by its hardware: %s', (path, text, expected) => {
    const { host, server } = stage();
    host.files.content.set(path, ascii(text));
    rmAgent(host);
    expect(server.requests).toMatchObject([{ hardware: sha256(expected).toString('hex') }]);
  });

  it('without any address is known by its machine-id', () => {
    const { host, server } = stage();
    host.system.nodeId = () => '000000000000';
    host.files.content.set('/etc/machine-id', ascii('b0a1\n'));
    rmAgent(host);
    expect(server.requests).toMatchObject([{ hardware: sha256('b0a1').toString('hex') }]);
  });

  it('waits with a code that a person can read, and connects once it is accepted', () => {
    const { host, server } = stage({});
    server.reply = () => [202, { code: 'K7QF-3MXD' }, 5];
    rmAgent(host);
    expect(server.requests[0]).not.toHaveProperty('key');
    const { out } = rmAgent(host, 'status');
    expect(out).toMatch(/^code: +K7QF-3MXD, for the operator of the server$/m);
    expect(out).toMatch(
      /^last error: +r\.example: this device waits to be accepted; its code is K7QF-3MXD \(202\)$/m,
    );
    const asked = server.requests.length;
    expect(asked).toBeGreaterThan(2);
    expect(new Set(server.requests.map(({ secret }) => secret)).size).toBe(1);
    server.reply = () => [200, { domain: 'dom' }];
    rmAgent(host, 'retry');
    expect(statusOf(host)).toMatchObject({ state: 'connected', code: null });
  });

  it.each([
    [403, { title: 'This key is not valid' }, 'is not enrolled (403 This key is not valid)'],
    [409, { title: 'a', detail: 'b' }, 'is not enrolled (409 a: b)'],
    [404, '<html>', 'is not enrolled (404)'],
    [200, {}, 'is not enrolled (200)'],
    [200, { domain: 'a b' }, 'is not enrolled (200)'],
    [200, { domain: 'a\nsecret x' }, 'is not enrolled (200)'],
    [200, null, 'is not enrolled (200)'],
  ])('refused with %i %j is on the slow path, with the reason', (status, body, why) => {
    const { host, server } = stage();
    server.reply = () => [status, body as object];
    rmAgent(host);
    const { lastError, state } = statusOf(host);
    expect([state, lastError]).toEqual(['waiting', `r.example: this device ${why}`]);
    expect(server.requests.length).toBeLessThan(3);
    expect(host.reflector.connections).toHaveLength(server.requests.length);
    expect(stateOf(host)).toBe(`secret ${secretOf(host)}\n`);
  });

  it('asks again when the server does not know it any more, and keeps its secret', () => {
    const { host, server } = stage();
    rmAgent(host);
    const again = startedAgain(host);
    const after = new EnrolmentServer(again.reflector);
    after.accepts = () => after.requests.length > 0;
    rmAgent(again);
    rmAgent(again, 'retry');
    expect(after.requests).toEqual(server.requests);
    expect(statusOf(again).state).toBe('connected');
  });

  it('sends nothing while it cannot keep what it would get', () => {
    const { host, server } = stage();
    host.files.full = true;
    rmAgent(host);
    expect(server.requests).toEqual([]);
    expect(statusOf(host).lastError).toBe(`stateFile: ${stateFile}: no space left`);
    host.files.full = false;
    rmAgent(host, 'retry');
    expect(statusOf(host).state).toBe('connected');
  });

  it('enrols in "check" too, step by step', () => {
    const { host } = stage();
    const { out, status } = rmAgent(host, 'check', '--dial');
    expect(out).toMatch(/^ok +upgrade +enrolled\n/m);
    // Only its services cannot be reached.
    expect(status).toBe(75);
    expect(stateOf(host)).toContain('device pump-7@dom');
  });
});

describe('a copy of its files on other hardware', () => {
  it('shows nobody the password of the first, and asks with its secret', () => {
    const { host, server } = stage();
    rmAgent(host);
    const copy = startedAgain(host);
    copy.system.nodeId = () => 'fedcba987654';
    const there = new EnrolmentServer(copy.reflector);
    there.reply = () => [202, { code: 'AAAA-BBBB' }];
    rmAgent(copy);
    const [{ secret } = { secret: '' }] = server.requests;
    const found = there.requests[0];
    expect(found).toMatchObject({ id: 'pump-7', secret, hardware: sha256('fedcba987654').toString('hex') });
    expect(copy.reflector.connections.flatMap(({ requests }) => requests)).toEqual([]);
    there.reply = () => [200, { domain: 'dom' }];
    rmAgent(copy, 'retry');
    expect(shown(copy)?.user).toBe('pump-7@dom');
    expect(shown(copy)?.password).not.toBe(shown(host)?.password);
  });
});

describe('a cut of the power', () => {
  /** Runs until the `n`th change of a file, and cuts the power before or behind it; `lost`: so many replies with it. */
  function cut(n: number, when: 'before' | 'behind', lost: number) {
    const { host, server } = stage();
    server.lost = lost;
    let changes = 0;
    let left: Map<string, Uint8Array> | null = null;
    const write = host.files.writeAtomically.bind(host.files);
    host.files.writeAtomically = (path, bytes) => {
      if (++changes === n && when === 'before') left = new Map(host.files.content);
      write(path, bytes);
      if (changes === n && when === 'behind') left = new Map(host.files.content);
    };
    rmAgent(host);
    const after = startedAgain(host, left ?? host.files.content);
    const again = new EnrolmentServer(after.reflector);
    rmAgent(after);
    return { asked: left === null ? server.requests : server.requests.slice(0, n - 1), again, after };
  }

  it.each([
    [1, 'before', 0],
    [1, 'behind', 0],
    [2, 'before', 0],
    [2, 'behind', 0],
    [9, 'before', 1],
    [9, 'before', 3],
  ] as const)('at write %i, %s it, with %i replies lost, costs one use of the key', (n, when, lost) => {
    const { asked, again, after } = cut(n, when, lost);
    const secrets = new Set([...asked, ...again.requests].map(({ secret }) => secret));
    expect([...secrets]).toEqual([secretOf(after)]);
    expect(statusOf(after).state).toBe('connected');
    expect(stateOf(after)).toMatch(/^secret \S+\ndevice pump-7@dom \S+ 0\n$/);
  });
});

describe('a device with a certificate', () => {
  const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;
  const day = 86_400_000;

  function certified() {
    const { host, server } = stage({ key, credential: 'certificate' });
    server.reply = () => [
      200,
      { domain: 'dom', certificate: `${pem('QUFB')}\n`, renewAt: buildDate + 30 * day },
    ];
    rmAgent(host);
    return { host, server };
  }

  it('makes its key itself, and keeps it with the certificate', () => {
    const { host, server } = certified();
    expect(server.requests[0]?.request).toMatch(/^MI[\w+/=]+$/);
    expect(stateOf(host)).toMatch(
      /^secret \S+\ndevice pump-7@dom \S+ \d+\n-----BEGIN EC PRIVATE KEY-----\n[^-]+-----END EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----\n$/,
    );
    expect(JSON.stringify(server.requests)).not.toContain('PRIVATE');
  });

  it('renews it in time, with the same key', () => {
    const { host } = certified();
    const again = startedAgain(host);
    const server = new EnrolmentServer(again.reflector);
    server.reply = () => [200, { domain: 'dom', certificate: pem('QkJC'), renewAt: buildDate + 60 * day }];
    rmAgent(again);
    expect(server.requests).toEqual([]);
    again.clock.advance(buildDate + 31 * day - again.clock.date());
    again.reflector.last.socket.destroy();
    again.clock.advance(60_000);
    expect(server.requests).toHaveLength(1);
    expect(stateOf(again)).toContain('QkJC');
    expect(stateOf(again)).not.toContain('QUFB');
    const keyIn = (text: string) => /EC PRIVATE KEY-----([^-]+)/.exec(text)?.[1];
    expect(keyIn(stateOf(again))).toBe(keyIn(stateOf(host)));
  });

  describe('beside a tunnel that stays up', () => {
    const certificate = (text: string, days: number) =>
      [200, { domain: 'dom', certificate: pem(text), renewAt: buildDate + days * day }] as const;

    /** A device that connects on the 29th day with a certificate that is to be renewed on the 30th. */
    function connected() {
      const { host } = certified();
      const again = startedAgain(host);
      const server = new EnrolmentServer(again.reflector);
      const until = (days: number) => again.clock.advance(buildDate + days * day - again.clock.date());
      until(29);
      rmAgent(again);
      return { host: again, server, until };
    }

    it('is renewed on the day, and again, without a new tunnel', () => {
      const { host, server, until } = connected();
      server.reply = () => certificate('QkJC', 31);
      until(29.99);
      expect(server.requests).toEqual([]);
      until(30.01);
      expect(server.requests).toHaveLength(1);
      expect(stateOf(host)).toContain('QkJC');
      server.reply = () => certificate('Q0ND', 90);
      until(30.99);
      expect(server.requests).toHaveLength(1);
      until(31.01);
      expect(server.requests).toHaveLength(2);
      expect(stateOf(host)).toContain('Q0ND');
      expect(statusOf(host)).toMatchObject({ state: 'connected', connects: 1 });
    });

    it('is asked for again an hour later when that has failed', () => {
      const { host, server, until } = connected();
      server.reply = () => [503, {}];
      until(30.01);
      const first = server.requests.length;
      expect(first).toBeGreaterThan(0);
      host.clock.advance(2_700_000);
      expect(server.requests).toHaveLength(first);
      server.reply = () => certificate('QkJC', 60);
      host.clock.advance(1_000_000);
      expect(server.requests).toHaveLength(first + 1);
      expect(stateOf(host)).toContain('QkJC');
      expect(statusOf(host).state).toBe('connected');
    });

    it('is renewed by nobody who was stopped', () => {
      const { host, server, until } = connected();
      server.reply = () => certificate('QkJC', 60);
      rmAgent(host, 'disable');
      until(30.1);
      expect(server.requests).toEqual([]);
    });
  });

  it.each([
    [500, {}],
    [403, { title: 'no' }],
    [200, { domain: 'dom' }],
    [200, { domain: 'dom', certificate: 'secret x' }],
  ])('uses the old one while the server answers %i %j', (status, body) => {
    const { host } = certified();
    const again = startedAgain(host);
    again.clock.advance(buildDate + 31 * day - again.clock.date());
    const server = new EnrolmentServer(again.reflector);
    server.reply = () => [status, body];
    rmAgent(again);
    expect(server.requests.length).toBeGreaterThan(0);
    expect(statusOf(again).state).toBe('connected');
    expect(stateOf(again)).toBe(stateOf(host));
  });
});

describe('rm-agent enroll', () => {
  it('leads from nothing to on line', () => {
    const host = new AgentHost();
    const server = new EnrolmentServer(host.reflector);
    const { err } = rmAgent(host, 'enroll', 'http://r.example', key);
    expect(JSON.parse(utf8Decode(host.files.read('/etc/rm-agent.json', 1000)))).toEqual({
      reflector: 'http://r.example',
      device: { id: '${nodeId}', enroll: { key } },
      services: [{ port: 80 }, { port: 22 }],
    });
    expect(server.requests).toMatchObject([{ id: '0123456789ab', key }]);
    expect(err).toContain('connected to http://r.example/');
    expect(statusOf(host).state).toBe('connected');
  });

  it('only writes with --offline, where --config says, and without a key', () => {
    const host = new AgentHost();
    expect(rmAgent(host, 'enroll', 'https://r.example', '--offline', '--config', '/run/a')).toEqual({
      out: '',
      err: '',
      status: 0,
    });
    expect(utf8Decode(host.files.read('/run/a', 1000))).toContain('"enroll": {}');
    expect(host.network.dialled).toEqual([]);
  });

  it('replaces no configuration', () => {
    const host = hostWith();
    const before = host.files.read('/etc/rm-agent.json', 10_000);
    expect(rmAgent(host, 'enroll', 'http://r.example', key)).toEqual({
      out: '',
      err: '/etc/rm-agent.json: it exists; add "device.enroll" to it\n',
      status: 78,
    });
    expect(host.files.read('/etc/rm-agent.json', 10_000)).toBe(before);
  });

  it.each([
    [[], /enroll needs a URL/],
    [['http://r', 'k', 'x'], /enroll needs a URL/],
    [['ftp://r.example', key], /^reflector: found "ftp:/],
    [['http://r', 'a\nb'], /^device\.enroll\.key: found text/],
    [['http://r', '--json'], /--json is an option of "status"/],
    [['http://r', '--offline', '--root', '/'], /--root is an option of "check --offline"/],
  ] as const)('%j ends with 64', (args, message) => {
    const { err, status } = rmAgent(new AgentHost(), 'enroll', ...args);
    expect([status, err]).toEqual([64, expect.stringMatching(message)]);
  });
});

describe('the configuration', () => {
  it.each([
    [{ id: 'a' }, /device\.domain: missing, needed is printable/],
    [{ id: 'a', enroll: null, domain: null }, /device\.domain: found null, allowed is printable/],
    [{ id: 'a', enroll: {}, password: 'x' }, /device\.password: found with enroll/],
    [{ id: 'a', enroll: {}, auth: 'digest' }, /device\.auth: found "digest"/],
    [{ id: 'a', enroll: { credential: 'magic' } }, /device\.enroll\.credential: found "magic"/],
  ])('%j is refused', (device, message) => {
    const { err, status } = rmAgent(hostWith({ device }), 'run');
    expect([status, err]).toEqual([78, expect.stringMatching(message)]);
  });

  it('needs a state file, and no certificate of its own', () => {
    const run = (given: object) =>
      rmAgent(hostWith({ device: { id: 'a', enroll: {} }, ...given }), 'run').err;
    expect(run({ stateFile: null })).toMatch(/stateFile: found null, needed is a file/);
    const device = { id: 'a', enroll: { credential: 'certificate' } };
    expect(run({ device, tls: { cert: '/c.pem' } })).toMatch(/tls: found with a certificate/);
  });
});
