import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { TunnelFull, TunnelLost } from '../../ports/channel-failure.ts';
import type { AuditRecord } from '../../ports/events.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import type { DeviceAccess } from '../../ports/rights.ts';
import { StoreUnavailable } from '../../ports/store.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { incoming } from '../../testing/incoming.ts';
import { settled } from '../../testing/settled.ts';
import { askerOf } from './asker.ts';
import type { TcpContext, TcpTarget } from './target.ts';
import { TcpRequest } from './tcp-request.ts';

type Admit = TcpContext['revocation']['admit'];

let access: DeviceAccess;
let socket: PassThrough;
let channel: PassThrough;
let events: unknown[];
let clock: ManualClock;
/** Of each decision, in turn; the last one counts from then on. */
let decisions: Admit[];
/** To the user. */
let sent: string;
beforeEach(setUp);
function setUp(): void {
  [socket, channel, events, sent] = [new PassThrough(), new PassThrough(), [], ''];
  socket.on('data', (bytes) => {
    sent += String(bytes);
  });
  access = { ports: null, until: Number.POSITIVE_INFINITY };
  clock = new ManualClock();
  decisions = [
    (_holder, since, begin) => {
      begin(since);
      return true;
    },
  ];
}

function request(device: { open(port: number): DeviceChannel }, method = 'GET'): TcpRequest {
  const context = {
    clock,
    limits: { discardMs: 1 },
    audit: {
      count: ({ reason, port }: AuditRecord) => events.push([reason, port]),
      record: ({ event, port, bytesFrom, ms }: AuditRecord) => events.push([event, port, bytesFrom, ms]),
    },
    revocation: {
      admit: (...call: Parameters<Admit>) =>
        (decisions.length > 1 ? decisions.shift() : decisions[0])?.(...call),
      add: ({ end }: { end(): void }) => {
        events.push(end);
        return () => events.push('released');
      },
    },
  } as unknown as TcpContext;
  const target = {
    identity: { user: { name: 'alice' }, by: 'password' },
    device: { id: 'dev1', properties: {}, ...device },
    access,
    since: 7,
    address: '::1',
  } as unknown as TcpTarget;
  return new TcpRequest(context, askerOf(context, incoming([], { method }), socket), target, 22);
}

function open(...given: Parameters<typeof request>): TcpRequest {
  const asked = request(...given);
  asked
    .open(22, (opened, since) => events.push(opened === (channel as unknown) ? since : 'another'))
    .catch((error) => events.push(error));
  return asked;
}

const device = {
  open: (port: number) => {
    expect(port).toBe(22);
    return channel as unknown as DeviceChannel;
  },
};

const gone = [refusals.gone.error, 22];
const notIn = [refusals.logIn.error, 22];

test('a channel that opens is handed over, and is of whoever has it from then on', async () => {
  open(device);
  expect(events).toEqual([]);
  channel.emit('open');
  channel.emit('open');
  expect(events).toEqual([7]);
  channel.on('error', () => {});
  channel.emit('error', new TunnelLost());
  socket.destroy();
  await settled();
  expect([events, channel.destroyed]).toEqual([[7], false]);
});

test('a channel that fails, or cannot be opened at all, is a refusal', async () => {
  open(device);
  channel.emit('error', new TunnelLost());
  expect(events).toEqual([gone]);
  await settled();
  expect(sent).toMatch(/^HTTP\/1\.1 502 /);
  setUp();
  open({
    open: () => {
      throw new TunnelFull();
    },
  });
  expect(events).toEqual([['Too many connections to this device', 22]]);
});

test('a user who goes away first ends the channel, and hears nothing', async () => {
  open(device);
  socket.destroy(new Error('reset'));
  await settled();
  expect([channel.destroyed, events]).toEqual([true, []]);
});

test('no channel opens for a user who would not be let in any more', async () => {
  decisions = [() => Promise.resolve(false)];
  open({
    open: () => {
      throw new Error('opened');
    },
  });
  await settled();
  expect(events).toEqual([notIn]);
  await settled();
  expect(sent).toMatch(/^HTTP\/1\.1 401 /);
});

test('a program that speaks to a proxy is told so', async () => {
  decisions = [() => Promise.resolve(false)];
  open(device, 'CONNECT');
  await settled();
  await settled();
  expect(sent).toMatch(/^HTTP\/1\.1 407 /);
});

test('a channel that has opened by the time the user has lost access ends', async () => {
  decisions.push(async () => false);
  open(device);
  channel.emit('open');
  expect(events).toEqual([]);
  await settled();
  expect([events, channel.destroyed]).toEqual([[notIn], true]);
});

test('what is decided while the channel fails, or the user goes, comes to nothing', async () => {
  let begin = () => {};
  decisions.push((_holder, since, call) => {
    begin = () => call(since + 1);
    return new Promise(() => {});
  });
  open(device);
  channel.emit('open');
  channel.emit('error', new TunnelLost());
  await settled();
  begin();
  expect(events).toEqual([gone]);
  setUp();
  decisions.push(() => new Promise(() => {}));
  open(device);
  channel.emit('open');
  socket.destroy();
  await settled();
  begin();
  expect([events, channel.destroyed]).toEqual([[], true]);
});

test('a port that is not granted is not opened, and the user is told which are', async () => {
  access = { ports: ['web', 5900], until: 0 };
  const opens = vi.fn();
  open({ open: opens });
  await settled();
  const refusal = refusals.notGranted({ port: 22, granted: ['web', 5900] });
  expect([events, opens.mock.calls]).toEqual([[[refusal.error, 22]], []]);
  expect(sent).toContain('HTTP/1.1 403 ');
  access = { ports: [22], until: 0 };
  events = [];
  open(device);
  channel.emit('open');
  await settled();
  expect(events).toEqual([7]);
});

test('a channel that fails while the user loses access is refused once', async () => {
  let decide = (_admitted: boolean) => {};
  decisions.push(
    () =>
      new Promise((resolve) => {
        decide = resolve;
      }),
  );
  open(device);
  channel.emit('open');
  channel.emit('error', new TunnelLost());
  decide(false);
  await settled();
  await settled();
  expect([events, sent.match(/HTTP/g)]).toEqual([[gone], ['HTTP']]);
});

test('a user who has gone by the time of the refusal is sent nothing', async () => {
  let decide = (_admitted: boolean) => {};
  decisions = [
    () =>
      new Promise((resolve) => {
        decide = resolve;
      }),
  ];
  open(device);
  const wrote = vi.spyOn(socket, 'write');
  socket.destroy();
  decide(false);
  await settled();
  await settled();
  expect([events, wrote.mock.calls, clock.pending]).toEqual([[notIn], [], 0]);
});

test('while it cannot be decided, the user is told to try again; a fault of ours goes to the caller', async () => {
  decisions = [() => Promise.reject(new StoreUnavailable('SQLITE_BUSY', 'held'))];
  open(device);
  await settled();
  expect(events).toEqual([[refusals.storeUnavailable.error, 22]]);
  events = [];
  const fault = new TypeError('ours');
  decisions = [() => Promise.reject(fault)];
  open(device);
  await settled();
  expect(events).toEqual([fault]);
});

test('the audit log has the beginning and the end, with what was carried', () => {
  const traffic = { bytesFrom: 0, bytesTo: 0 };
  const end = () => {};
  const ended = request(device).begin(traffic, 7, end);
  expect(events).toEqual([['client-tunnel', 22, undefined, undefined], end]);
  events = [];
  traffic.bytesFrom = 5;
  clock.advance(1_000);
  ended();
  expect(events).toEqual(['released', ['client-tunnel-end', 22, 5, 1_000]]);
});
