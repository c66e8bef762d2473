import { type Duplex, duplexPair } from 'node:stream';
import { pino } from 'pino';
import { encodePropertiesUpdate, encodePropertyHeader } from 'rm-protocol';
import { beforeEach, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Audit } from '../audit/audit.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import type { ArrivingDevice } from '../ports/device-admission.ts';
import type { AuditRecord } from '../ports/events.ts';
import type { DeviceCredentials } from '../ports/store.ts';
import { DeferredWrites } from '../store/deferred-writes.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { incoming } from '../testing/incoming.ts';
import { settled } from '../testing/settled.ts';
import { LocalPresence } from '../tunnels/local-presence.ts';
import type { DeviceAuthentication, DeviceRefusal, DeviceVerdict } from './authentication.ts';
import { ClientAuthorities } from './client-authorities.ts';
import type { ConnectedDevice } from './connected-device.ts';
import { DeviceEndpoint, type DeviceEndpointOptions } from './device-endpoint.ts';
import { OtherReflectors } from './other-reflectors.ts';

// The endpoint on streams in memory; what proves a device is tested beside `authentication.ts`.

const address = '192.0.2.1';
const basic = `Basic ${Buffer.from('DEV1@acme:secret').toString('base64')}`;
const upgradeHeaders = [
  'Connection',
  'Upgrade',
  'Upgrade',
  'websocket',
  'Sec-WebSocket-Version',
  '13',
  'Sec-WebSocket-Key',
  'IPzDYSW5ClWCGSAl2iQBNQ==',
];

let clock: ManualClock;
let store: SqliteStore;
let presence: LocalPresence<ConnectedDevice>;
let device: DeviceCredentials;
/** What authentication says next. */
let verdict: DeviceVerdict;
let asked: unknown[];
let audited: AuditRecord[];
let logged: Record<string, unknown>[];
let known: Duplex[];
let readAhead: string[];
/** What revocation was told of, and whether it confirms at once. */
let live: { since: number; end(reason: string): void; confirmed(): void }[];
let released: number;
let confirms: boolean;
let draining: { active: boolean; readonly askedSeconds: number };

beforeEach(async () => {
  clock = new ManualClock();
  store = SqliteStore.open(':memory:');
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 0, null);
  device = await credentials('dev1');
  presence = new LocalPresence();
  verdict = { device, certificate: null };
  [asked, audited, logged, known, live, readAhead] = [[], [], [], [], [], []];
  [released, confirms] = [0, true];
  draining = { active: false, askedSeconds: 5 };
});

async function credentials(id: string): Promise<DeviceCredentials> {
  const found = await store.devices.credentials(id);
  if (!found) throw new Error(`no device ${id}`);
  return found;
}

function endpoint(limits: Partial<Limits> = {}, options: Partial<DeviceEndpointOptions> = {}) {
  const all = { ...defaultLimits, ...limits };
  // Of this test: a tunnel may end while the next one runs.
  const [records, lines] = [audited, logged];
  const authentication = {
    authenticate: async (request: unknown) => {
      asked.push(request);
      return verdict;
    },
  } as DeviceAuthentication;
  const audit = {
    count: (record: AuditRecord) => void records.push(record),
    record: (record: AuditRecord) => void records.push(record),
  } as unknown as Audit;
  return new DeviceEndpoint({
    presence,
    draining,
    others: new OtherReflectors([]),
    store,
    deferred: new DeferredWrites(clock, all, (error) => {
      throw error;
    }),
    revocation: {
      revision: 3,
      add: (access) => {
        live.push(access);
        if (confirms) access.confirmed();
        return () => void released++;
      },
    },
    audit,
    log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    clock,
    limits: all,
    carried: () => {},
    changed: () => {},
    authentication,
    clientAuthorities: new ClientAuthorities(),
    cache: { readAhead: (id) => void readAhead.push(id) },
    unauthenticated: { authenticated: (socket) => void known.push(socket) },
    domain: 'r.example',
    cookieHost: null,
    admitDevice: null,
    offer: { keepAlive: 60, extension: { maxFrame: 16_384, window: 262_144 } },
    ...options,
  });
}

interface Peer {
  /** The device's end. */
  readonly stream: Duplex;
  /** Its connection is lost. */
  lose(): Promise<void>;
  readonly received: () => string;
  readonly keepAlive: boolean[];
}

/** Dials, and waits until the endpoint has decided. */
async function dial(at: DeviceEndpoint, lines: readonly string[] = ['Authorization', basic]): Promise<Peer> {
  const [stream, socket] = duplexPair();
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const request = incoming([...upgradeHeaders, ...lines], { method: 'POST', url: '/rm' });
  const keepAlive: boolean[] = [];
  Object.assign(request, { socket: { setKeepAlive: (on: boolean) => void keepAlive.push(on) } });
  await at.upgrade(request, socket, Buffer.alloc(0), address);
  await settled();
  const lose = async () => {
    socket.destroy();
    await settled();
    await settled();
  };
  return { stream, lose, keepAlive, received: () => Buffer.concat(pieces).toString('latin1') };
}

/** A binary message as a client masks it, with a mask that changes nothing. */
function message(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x82, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

const status = ({ received }: Peer) => Number(received().split(' ')[1]);
const header = ({ received }: Peer, name: string) =>
  [...received().matchAll(new RegExp(`^${name}: (.*)\r$`, 'gim'))].map(([, value]) => value);

function refusal(given: Partial<DeviceRefusal> = {}): DeviceVerdict {
  const all = { status: 401, error: 'for “you”', reason: 'for the operator', challenges: [], ...given };
  return { refusal: all as DeviceRefusal, known: device };
}

test('authentication is asked with the head and the address; a device that is let in is on line', async () => {
  const peer = await dial(endpoint(), [
    ...['Authorization', basic, 'User-Agent', 'rm-agent/1 “ä”', 'X-WebTunnel-KeepAlive', '20'],
    ...['X-PTTH-Set-Property', encodePropertyHeader({ name: 'model', value: 'P1' })],
  ]);
  expect(asked).toEqual([
    { method: 'POST', target: '/rm', address, authorization: basic, certificate: null },
  ]);
  expect(status(peer)).toBe(101);
  expect(header(peer, 'Sec-WebSocket-Protocol')).toEqual(['com.appinf.webtunnel.server/1.0']);
  expect(header(peer, 'X-WebTunnel-KeepAlive')).toEqual(['20']);
  expect(header(peer, 'X-WebTunnel-Extensions')).toEqual([]);
  expect(header(peer, 'Date')).toEqual([new Date(clock.date()).toUTCString()]);
  expect(peer.keepAlive).toEqual([false]);
  expect(known).toHaveLength(1);
  const [found] = presence.list('', 10);
  expect(found).toMatchObject({ id: 'dev1', uid: device.uid, generation: 1, address });
  expect({ ...found?.properties }).toEqual({ model: 'P1' });
  expect(live).toMatchObject([{ holder: { kind: 'device', device, certificate: null }, since: 3 }]);
  expect(await store.devices.get('dev1')).toMatchObject({
    online: true,
    address,
    agent: 'rm-agent/1 "?"',
    properties: { model: 'P1' },
    lastConnect: clock.date(),
  });
  expect(audited).toEqual([{ event: 'device-tunnel', allowed: true, device: 'dev1', address }]);
  expect(logged).toMatchObject([
    { level: 30, msg: 'tunnel open', device: 'dev1', address, agent: 'rm-agent/1 "?"', keepAlive: 20 },
  ]);
  expect(readAhead).toEqual([device.id]);
});

test.each([
  [403, undefined, []],
  [503, 3_600, ['3600']],
] as const)(
  'a device that is turned away gets %i and the reason, and is not on line',
  async (code, seconds, waits) => {
    const arrived: ArrivingDevice[] = [];
    const admitDevice = async (arriving: ArrivingDevice) => {
      arrived.push(arriving);
      const wait = seconds === undefined ? {} : { retryAfterSeconds: seconds };
      return { status: code, error: 'domain acme may have 1 device on line', ...wait };
    };
    const peer = await dial(endpoint({}, { admitDevice }), [
      ...['Authorization', basic, 'User-Agent', 'rm-agent/1'],
      ...['X-PTTH-Set-Property', encodePropertyHeader({ name: 'model', value: 'P1' })],
    ]);
    expect(arrived.map((one) => ({ ...one, properties: { ...one.properties } }))).toEqual([
      { device, address, agent: 'rm-agent/1', properties: { model: 'P1' } },
    ]);
    expect(status(peer)).toBe(code);
    expect(header(peer, 'X-PTTH-Error')).toEqual(['domain acme may have 1 device on line']);
    expect(header(peer, 'Retry-After')).toEqual(waits);
    expect([known, live, [...presence.local]]).toEqual([[], [], []]);
    const reason = 'domain acme may have 1 device on line';
    expect(audited).toEqual([{ event: 'device-tunnel', allowed: false, device: 'dev1', address, reason }]);
    expect(await store.devices.get('dev1')).toMatchObject({ online: false, refusedReason: reason });
  },
);

test('the fingerprint of a password, which may be part of a larger block, is not kept with the tunnel', async () => {
  verdict = { device: { ...device, fingerprint: Buffer.alloc(32, 1) }, certificate: null };
  await dial(endpoint());
  expect(live).toMatchObject([
    { holder: { device: { uid: device.uid, password: 'hash', fingerprint: null } } },
  ]);
});

test('a device is turned away last: what the reflector refuses itself is not asked about', async () => {
  const admitDevice = vi.fn(() => null);
  verdict = refusal();
  expect(status(await dial(endpoint({}, { admitDevice })))).toBe(401);
  verdict = { device, certificate: null };
  expect(status(await dial(endpoint({ tunnels: 0 }, { admitDevice })))).toBe(503);
  expect(
    status(await dial(endpoint({ propertiesBytes: 0 }, { admitDevice }), ['X-PTTH-Set-Property', 'a=b'])),
  ).toBe(400);
  expect(admitDevice).not.toHaveBeenCalled();
  expect(status(await dial(endpoint({}, { admitDevice })))).toBe(101);
  expect(admitDevice).toHaveBeenCalledTimes(1);
});

test('a device that has gone while it was asked about is not on line', async () => {
  const [stream, socket] = duplexPair();
  const admitDevice = async () => {
    socket.destroy();
    return null;
  };
  const request = incoming([...upgradeHeaders, 'Authorization', basic], { method: 'POST', url: '/rm' });
  await endpoint({}, { admitDevice }).upgrade(request, socket, Buffer.alloc(0), address);
  await settled();
  stream.destroy();
  expect([known, live, [...presence.local]]).toEqual([[], [], []]);
});

test('a reflector that drains lets no device in, asks for nothing, and says when to come again', async () => {
  draining.active = true;
  const peer = await dial(endpoint());
  expect([status(peer), header(peer, 'Retry-After')]).toEqual([503, ['5']]);
  expect(header(peer, 'X-PTTH-Error')).toEqual(['this reflector drains: dial again']);
  expect([asked, audited, known, live]).toEqual([[], [], [], []]);
});

test('nor one that it was asked about when it began to drain', async () => {
  const admitDevice = async () => {
    draining.active = true;
    return null;
  };
  const peer = await dial(endpoint({}, { admitDevice }));
  expect([status(peer), header(peer, 'Retry-After')]).toEqual([503, ['5']]);
  expect([known, live]).toEqual([[], []]);
});

test('a reflector that drains or has no room leads devices to the others, one after the other', async () => {
  const others = new OtherReflectors(['https://a.example/', 'https://b.example/']);
  const ledTo = async (at: DeviceEndpoint) => {
    const peer = await dial(at);
    return [status(peer), ...header(peer, 'Location')];
  };
  expect(await ledTo(endpoint({ tunnels: 0 }, { others }))).toEqual([302, 'https://a.example/']);
  draining.active = true;
  expect(await ledTo(endpoint({}, { others }))).toEqual([302, 'https://b.example/']);
  expect(await ledTo(endpoint({}, { others }))).toEqual([302, 'https://a.example/']);
  expect([audited, known, live]).toEqual([[], [], []]);
  draining.active = false;
  verdict = refusal();
  expect(await ledTo(endpoint({ tunnels: 0 }, { others }))).toEqual([401]);
});

test('a tunnel that is confirmed while the reflector drains is closed with 1001', async () => {
  confirms = false;
  const peer = await dial(endpoint());
  const before = peer.received().length;
  draining.active = true;
  live[0]?.confirmed();
  await settled();
  const close = Buffer.from(peer.received().slice(before), 'latin1');
  expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, 1001]);
  expect([[...presence.local], released]).toEqual([[], 1]);
});

test('the extension is agreed on where its frames are not too small', async () => {
  const offered = async (text: string) =>
    header(await dial(endpoint(), ['X-WebTunnel-Extensions', text]), 'X-WebTunnel-Extensions');
  expect(await offered('max-frame=2048, window=2048')).toHaveLength(1);
  expect(await offered('max-frame=2047, window=65536')).toEqual([]);
  expect(await offered('max-frame=2048, window=2047')).toEqual([]);
});

test('the end of a tunnel is in the store, the audit log and the log', async () => {
  const peer = await dial(endpoint());
  clock.advance(1_234);
  await peer.lose();
  expect([...presence.local]).toEqual([]);
  expect(released).toBe(1);
  expect(await store.devices.get('dev1')).toMatchObject({
    online: false,
    lastSeen: clock.date(),
    lastEnd: { cause: 'lost', reason: 'connection lost' },
  });
  expect(audited.at(-1)).toMatchObject({
    event: 'device-tunnel-end',
    device: 'dev1',
    address,
    allowed: true,
    reason: 'connection lost',
    bytesFrom: 0,
    bytesTo: 0,
    ms: 1_234,
  });
  expect(logged.at(-1)).toMatchObject({ level: 30, msg: 'tunnel ended', reason: 'connection lost' });
});

test('the store is told what has ended a tunnel', async () => {
  const lastEnd = async () => (await store.devices.get('dev1'))?.lastEnd;
  await dial(endpoint());
  expect(await lastEnd()).toBeNull();
  clock.advance(3 * 60_000);
  await settled();
  expect(await lastEnd()).toEqual({ cause: 'silent', reason: 'no sign of life' });
  await dial(endpoint());
  live.at(-1)?.end('this device was removed');
  await settled();
  expect(await lastEnd()).toEqual({ cause: 'refused', reason: 'this device was removed' });
  await dial(endpoint());
  const end = { cause: 'disconnected', reason: 'for a test', by: 'alice' } as const;
  presence.local.get('dev1')?.tunnel.close(1000, end);
  await settled();
  expect(await lastEnd()).toEqual(end);
});

test('a tunnel ends with 1008 when its device would be let in no more', async () => {
  const peer = await dial(endpoint());
  const before = peer.received().length;
  live[0]?.end('the password of this device was changed');
  await settled();
  const close = Buffer.from(peer.received().slice(before), 'latin1');
  expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, 1008]);
  expect(close.toString('latin1', 4)).toBe('the password of this device was changed');
  expect([...presence.local]).toEqual([]);
});

test('what is not confirmed is not on line, and its end says nothing of another tunnel', async () => {
  await dial(endpoint());
  const [present] = presence.local.values();
  confirms = false;
  const second = await dial(endpoint());
  expect([...presence.local.values()]).toEqual([present]);
  await second.lose();
  expect((await store.devices.get('dev1'))?.online).toBe(true);
  live[1]?.confirmed();
  expect([...presence.local.values()]).toEqual([present]);
});

test('the later of two is on line, and the other is closed with 4001', async () => {
  const first = await dial(endpoint());
  const before = first.received().length;
  await dial(endpoint());
  expect(presence.local.get('dev1')?.generation).toBe(2);
  const close = Buffer.from(first.received().slice(before), 'latin1');
  expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, 4001]);
  expect((await store.devices.get('dev1'))?.online).toBe(true);
});

test('propertiesSaveMs: changed properties are stored once, at the end at the latest', async () => {
  const peer = await dial(endpoint({ propertiesBytes: 100 }));
  const stored = async () => (await store.devices.get('dev1'))?.properties;
  const change = async (value: string, name = 'a') => {
    peer.stream.write(message(encodePropertiesUpdate([{ name, value }])));
    await settled();
    await settled();
  };
  await change('1');
  clock.advance(defaultLimits.propertiesSaveMs / 2);
  await change('2');
  expect({ ...presence.local.get('dev1')?.properties }).toEqual({ a: '2' });
  expect(await stored()).toEqual({});
  clock.advance(defaultLimits.propertiesSaveMs / 2);
  await settled();
  expect(await stored()).toEqual({ a: '2' });
  await change('3');
  await change('x'.repeat(60), 'b');
  await change('x'.repeat(60), 'c');
  expect(logged.at(-1)).toMatchObject({ level: 40, msg: 'properties update beyond the bound' });
  await peer.lose();
  expect(await stored()).toEqual({ a: '3', b: 'x'.repeat(60) });
});

test('those who ask are told of changed properties, of the tunnel that is on line alone', async () => {
  const told: unknown[] = [];
  const at = endpoint({}, { changed: ({ id, properties }) => told.push({ id, ...properties }) });
  const first = await dial(at);
  const change = async (peer: Peer, value: string) => {
    peer.stream.write(message(encodePropertiesUpdate([{ name: 'a', value }])));
    await settled();
    await settled();
  };
  await change(first, '1');
  expect(told).toEqual([{ id: 'dev1', a: '1' }]);
  confirms = false;
  await change(await dial(at), '2');
  expect(told).toHaveLength(1);
});

test.each([
  ['propertiesBytes', { propertiesBytes: 100, maxFrame: 50 }, 100],
  ['maxFrame', { propertiesBytes: 20, maxFrame: 100 }, 100],
] as const)('%s: as much as that fits into a message of a device', async (_name, limits, most) => {
  const opcode = limits.propertiesBytes === most ? 0x40 : 0x01;
  const frame = (bytes: number) => message(Buffer.concat([Buffer.of(opcode, 0, 0, 9), Buffer.alloc(bytes)]));
  const peer = await dial(endpoint(limits));
  const before = peer.received().length;
  const closed = async () => {
    await settled();
    const close = Buffer.from(peer.received().slice(before), 'latin1');
    const at = close.indexOf(0x88);
    return at < 0 ? null : close.readUInt16BE(at + 2);
  };
  peer.stream.write(frame(most));
  expect(await closed()).toBeNull();
  peer.stream.write(frame(most + 13));
  expect(await closed()).toBe(1009);
});

test('what a device calls its program is cut, and may be missing', async () => {
  const agent = async (...lines: string[]) => {
    await dial(endpoint(), ['Authorization', basic, ...lines]);
    return (await store.devices.get('dev1'))?.agent;
  };
  expect(await agent('User-Agent', 'x'.repeat(201))).toBe('x'.repeat(200));
  expect(await agent()).toBe('');
});

test('properties of several devices that change at once are all stored', async () => {
  const at = endpoint();
  const ids = ['dev1', 'dev2', 'dev3'];
  for (const id of ids) {
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    if (id !== 'dev1') await store.devices.add({ id, domain: 'acme', secrets }, 0, null);
    verdict = { device: await credentials(id), certificate: null };
    const { stream } = await dial(at);
    stream.write(message(encodePropertiesUpdate([{ name: 'a', value: id }])));
    await settled();
    await settled();
  }
  clock.advance(defaultLimits.propertiesSaveMs);
  await settled();
  for (const id of ids) expect((await store.devices.get(id))?.properties).toEqual({ a: id });
});

test('the end of a tunnel stores no properties that have not changed', async () => {
  const peer = await dial(endpoint());
  const stored = vi.spyOn(store.devices, 'setProperties');
  await peer.lose();
  expect(presence.local.size).toBe(0);
  expect(stored).not.toHaveBeenCalled();
});

test('a device that says what makes no sense is in the log', async () => {
  const { stream } = await dial(endpoint());
  stream.write(message(Buffer.of(0x7f, 0, 0, 1)));
  await settled();
  await settled();
  expect(logged.at(-1)).toMatchObject({ level: 20, msg: 'device misbehaved', device: 'dev1' });
  expect(logged.at(-1)?.what).toMatch(/0x7f/);
});

test('a fault of ours while a device is let in is no refusal', async () => {
  const offer = null as unknown as DeviceEndpointOptions['offer'];
  await expect(dial(endpoint({}, { offer }))).rejects.toThrow(TypeError);
  expect(audited).toEqual([]);
});

test('traffic is added to what the store has, each share once', async () => {
  const at = endpoint();
  await dial(at);
  const [connected] = presence.local.values();
  if (!connected) throw new Error('not on line');
  const bytes = async () => {
    await settled();
    const { bytesFrom, bytesTo } = (await store.devices.get('dev1')) ?? {};
    return [bytesFrom, bytesTo];
  };
  connected.tunnel.bytesFrom += 5;
  at.saveTraffic();
  connected.tunnel.bytesFrom += 2;
  connected.tunnel.bytesTo += 3;
  at.saveTraffic();
  expect(await bytes()).toEqual([7, 3]);
  const added = vi.spyOn(store.devices, 'addTraffic');
  at.saveTraffic();
  expect(await bytes()).toEqual([7, 3]);
  expect(added).not.toHaveBeenCalled();
  connected.tunnel.bytesFrom += 4;
  connected.tunnel.bytesTo += 4;
  at.saveTraffic();
  expect(await bytes()).toEqual([11, 7]);
});

test('two devices with one identity are noticed by what each of them sends after its end', async () => {
  const at = endpoint();
  for (let n = 0; n < 3; n++) {
    const former = await dial(at);
    await dial(at);
    // It answers the close frame, so it is alive.
    former.stream.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    await settled();
    await settled();
  }
  expect((await store.devices.get('dev1'))?.duplicateNoticed).toBe(clock.date());
  expect(logged.filter(({ level }) => level === 40)).toMatchObject([
    { device: 'dev1', address, msg: 'two devices with this identity evict each other' },
    { device: 'dev1' },
  ]);
});

test('a refusal tells the device what it may know, and the operator why', async () => {
  verdict = refusal({ challenges: ['Basic realm="x"', 'Digest realm="y"'] });
  const peer = await dial(endpoint());
  expect(status(peer)).toBe(401);
  expect(header(peer, 'WWW-Authenticate')).toEqual(['Basic realm="x"', 'Digest realm="y"']);
  expect(header(peer, 'X-PTTH-Error')).toEqual(['for "you"']);
  expect(header(peer, 'Content-Length')).toEqual(['0']);
  expect(header(peer, 'Retry-After')).toEqual([]);
  const refused = {
    event: 'device-tunnel',
    allowed: false,
    device: 'dev1',
    address,
    reason: 'for the operator',
  };
  expect(audited).toEqual([refused]);
  expect(logged).toMatchObject([
    { level: 20, msg: 'device refused', address, status: 401, device: 'dev1', reason: 'for the operator' },
  ]);
  expect(await store.devices.get('dev1')).toMatchObject({
    refused: clock.date(),
    refusedReason: 'for the operator',
    refusedAddress: address,
  });
  expect(known).toEqual([]);
});

test('without credentials a refusal is no event', async () => {
  verdict = refusal();
  expect(status(await dial(endpoint(), []))).toBe(401);
  expect([audited, logged]).toEqual([[], []]);
});

test('a refusal that will not be better in a moment says when to come again', async () => {
  verdict = refusal({ status: 503 });
  expect(header(await dial(endpoint({ arrivalsAskedMs: 290_001 })), 'Retry-After')).toEqual(['30']);
  verdict = refusal({ status: 403 });
  const peer = await dial(endpoint());
  expect([header(peer, 'Retry-After'), header(peer, 'WWW-Authenticate')]).toEqual([[], []]);
});

test('refusalNotedMs: a refusal is stored again after it, whichever way the clock was set', async () => {
  const noted = async (refused: number | null) => {
    verdict = { ...refusal({ reason: `after ${refused}` }), known: { ...device, refused } } as DeviceVerdict;
    await dial(endpoint());
    return (await store.devices.get('dev1'))?.refusedReason === `after ${refused}`;
  };
  const { refusalNotedMs } = defaultLimits;
  const now = clock.date();
  expect(await noted(now - refusalNotedMs + 1)).toBe(false);
  expect(await noted(now + refusalNotedMs - 1)).toBe(false);
  expect(await noted(now - refusalNotedMs)).toBe(true);
  expect(await noted(now + refusalNotedMs)).toBe(true);
});

test('a fleet that is asked to come again later is one warning, and no refusal', async () => {
  verdict = refusal({ status: 503, askedSeconds: 17 });
  const at = endpoint();
  expect(header(await dial(at), 'Retry-After')).toEqual(['17']);
  clock.advance(defaultLimits.arrivalsAskedMs - 1);
  await dial(at);
  const warning = { level: 40, msg: expect.stringMatching(/^more devices come/) };
  expect(logged).toMatchObject([warning]);
  clock.advance(1);
  await dial(at);
  expect(logged).toMatchObject([warning, warning]);
  expect(audited).toEqual([]);
});

test('tunnels: beyond them only a device that has one gets in', async () => {
  await dial(endpoint({ tunnels: 1 }));
  await store.devices.add(
    { id: 'dev2', domain: 'acme', secrets: { password: '', digestSha256: null, digestMd5: null } },
    0,
    null,
  );
  verdict = { device: await credentials('dev2'), certificate: null };
  const peer = await dial(endpoint({ tunnels: 1 }));
  expect([status(peer), header(peer, 'X-PTTH-Error')]).toEqual([503, ['no room for another device']]);
  expect(header(peer, 'Retry-After')).toEqual(['30']);
  expect(audited.at(-1)).toMatchObject({
    allowed: false,
    device: 'dev2',
    reason: 'no room for another device',
  });
  expect(logged.at(-1)).toMatchObject({
    level: 40,
    msg: 'no room for another device',
    device: 'dev2',
    tunnels: 1,
  });
  expect((await store.devices.get('dev2'))?.refusedReason).toBe('no room for another device');
  expect(status(await dial(endpoint({ tunnels: 2 })))).toBe(101);
  verdict = { device, certificate: null };
  expect(status(await dial(endpoint({ tunnels: 1 })))).toBe(101);
  // One that was removed and added since is another device.
  verdict = { device: { ...device, uid: 'another' }, certificate: null };
  expect(status(await dial(endpoint({ tunnels: 1 })))).toBe(503);
});

test('a device whose host name is taken is refused once it has proven who it is', async () => {
  const peer = await dial(endpoint({}, { cookieHost: 'dev1.r.example' }));
  const reason = 'the host name of this device is the --cookie-host of the reflector: nobody could reach it';
  expect([status(peer), header(peer, 'X-PTTH-Error')]).toEqual([403, [reason]]);
  expect(logged).toMatchObject([{ level: 40, msg: reason, device: 'dev1', cookieHost: 'dev1.r.example' }]);
  expect(audited).toMatchObject([{ allowed: false, device: 'dev1', reason }]);
});

test('properties that cannot be read, or are too many, are refused', async () => {
  const set = (value: string) => ['X-PTTH-Set-Property', value];
  const error = async (limits: Partial<Limits>, ...lines: string[]) => {
    const peer = await dial(endpoint(limits), lines);
    return `${status(peer)} ${header(peer, 'X-PTTH-Error')}`;
  };
  expect(await error({}, ...set('x'))).toMatch(/^400 /);
  expect(await error({ propertiesBytes: 2 }, ...set(encodePropertyHeader({ name: 'a', value: '11' })))).toBe(
    '400 too many properties',
  );
  expect(await error({}, 'X-WebTunnel-Extensions', 'max-frame=0')).toMatch(/^400 max-frame=0: must be/);
  expect(audited.every(({ device }) => device === 'dev1')).toBe(true);
});

test('properties are UTF-8', async () => {
  const text = Buffer.from(encodePropertyHeader({ name: 'place', value: 'Köln' }), 'utf8').toString('latin1');
  await dial(endpoint(), ['X-PTTH-Set-Property', text]);
  expect({ ...presence.local.get('dev1')?.properties }).toEqual({ place: 'Köln' });
});

test('a device that has gone meanwhile is not answered', async () => {
  const [stream, socket] = duplexPair();
  const request = incoming(upgradeHeaders);
  const decided = endpoint().upgrade(request, socket, Buffer.alloc(0), address);
  socket.destroy();
  await decided;
  expect([stream.readableLength, known, audited, [...presence.local]]).toEqual([0, [], [], []]);
});

test('a device that has gone before it is refused is no event', async () => {
  verdict = refusal();
  const [, socket] = duplexPair();
  const request = incoming([...upgradeHeaders, 'Authorization', basic]);
  const decided = endpoint().upgrade(request, socket, Buffer.alloc(0), address);
  socket.destroy();
  await decided;
  expect([audited, logged]).toEqual([[], []]);
});

test('a broken head is refused by 400, and no tunnel begins', async () => {
  const [stream, socket] = duplexPair();
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  await endpoint().upgrade(incoming(['Upgrade', 'websocket']), socket, Buffer.alloc(0), address);
  await settled();
  expect(Buffer.concat(pieces).toString()).toMatch(/^HTTP\/1\.1 400 /);
  expect(live).toEqual([]);
});
