import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { ScriptedTunnel } from '../testing/scripted-tunnel.ts';
import type { CallEvents, DeviceCall } from './device-call.ts';
import type { DeviceMessage } from './device-message.ts';
import { DevicePort, type PortSettings } from './device-port.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const settings: PortSettings = { connections: null, responseTimeoutMs: null };

let tunnel: ScriptedTunnel;
let clock: ManualClock;
let port: DevicePort;

function use(limits: Partial<Limits> = {}): void {
  tunnel = new ScriptedTunnel();
  clock = new ManualClock();
  port = new DevicePort(tunnel.source, 80, { ...defaultLimits, ...limits }, clock);
}
beforeEach(() => use());

/** A request, and what has become of it: one word an event. */
function ask(
  options: Partial<DeviceMessage> & { settings?: Partial<PortSettings>; events?: Partial<CallEvents> } = {},
): { call: DeviceCall; told: string[] } {
  const told: string[] = [];
  const { settings: set, events, ...message } = options;
  const call = port.call(
    {
      method: 'GET',
      target: '/',
      headers: ['Host', 'x'],
      body: 'none',
      upgrade: false,
      owner: 'alice',
      client: {},
      ...message,
    },
    { ...settings, ...set },
    {
      ready: () => told.push('ready'),
      drain: () => told.push('drain'),
      interim: ({ status }) => told.push(String(status)),
      head: ({ status }) => told.push(String(status)),
      body: (piece) => told.push(piece.toString()),
      end: () => told.push('end'),
      finished: () => told.push('finished'),
      switched: () => told.push('switched'),
      failed: (error) => told.push(error.name),
      fault: () => told.push('fault'),
      ...events,
    },
  );
  call.start();
  return { call, told };
}

/** What has been answered whole. */
const whole = ['200', 'ok', 'end', 'finished'];
const post = { method: 'POST', body: 'length', headers: ['Host', 'x', 'Content-Length', '2'] } as const;

/** Closes, on the device's side, each connection whose end has come. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await setImmediate();
    for (const { channel, ended } of tunnel.ends) if (ended && !channel.readableEnded) channel.onClose();
  }
}

test('a fault of ours in one request leaves the port to the others', async () => {
  let faults = 1;
  const open = (to: number) => {
    const channel = tunnel.source.open(to);
    if (faults-- > 0) {
      channel.write = () => {
        throw new TypeError('ours');
      };
    }
    return channel;
  };
  port = new DevicePort({ open }, 80, defaultLimits, clock);
  expect(ask().told).toEqual(['fault']);
  const { told } = ask();
  await settle();
  tunnel.respond(1, ok);
  await settle();
  expect(told).toEqual(whole);
});

describe('connections to a device', () => {
  test('are shared by the requests of one user, and by no other', async () => {
    for (const owner of ['alice', 'alice', 'bob']) {
      const { told } = ask({ owner });
      await settle();
      tunnel.respond(tunnel.ends.length - 1, ok);
      await settle();
      expect(told).toEqual(whole);
    }
    // The device has been seen to serve one at a time: that of the first user made place for the second.
    expect(tunnel.ends.map(({ received }) => received.split('GET').length - 1)).toEqual([2, 1]);
    expect(tunnel.open).toBe(1);
  });

  test.each([
    [
      'the device asks for it',
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate, NTLM\r\nContent-Length: 0\r\n\r\n',
      [],
    ],
    ['the user does', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ['Authorization', 'NTLM TlRMTVNTUAAB']],
  ])('belong to one client once they are authenticated: %s', async (_name, answer, headers) => {
    const client = {};
    ask({ client, headers: ['Host', 'x', ...headers] });
    await settle();
    tunnel.respond(0, answer);
    await settle();
    // The same client goes on there, with a body too: elsewhere it would be a stranger.
    const { call, told } = ask({ ...post, client });
    call.write(Buffer.from('hi'));
    call.end();
    await settle();
    expect(tunnel.ends).toHaveLength(1);
    tunnel.respond(0, ok);
    await settle();
    expect(told).toEqual(['ready', ...whole]);
    // Another connection of the same user does not, nor does another user.
    ask({ client: {} });
    await settle();
    expect(tunnel.ends).toHaveLength(2);
    expect(tunnel.ends[1]?.received).toContain('GET');
  });

  test('a request with a body gets a new one, and leaves none behind', async () => {
    ask();
    await settle();
    tunnel.respond(0, ok);
    await settle();
    const { call, told } = ask(post);
    await settle();
    expect([tunnel.ends[0]?.ended, tunnel.ends.length]).toEqual([true, 2]);
    expect(told).toEqual(['ready']);
    call.write(Buffer.from('hi'));
    call.end();
    tunnel.respond(1, ok);
    await settle();
    expect(told).toEqual(['ready', ...whole]);
    expect(tunnel.open).toBe(0);
  });

  test('that the device closed just now: the request goes out once more, and only once', async () => {
    ask();
    await settle();
    tunnel.respond(0, ok);
    await settle();
    const { told } = ask();
    tunnel.end(0);
    await settle();
    expect(told).toEqual([]);
    expect(tunnel.ends[1]?.received).toContain('GET');
    tunnel.end(1);
    await settle();
    expect(told).toEqual(['ClosedEarly']);
    expect(tunnel.ends).toHaveLength(2);
  });

  test('that the device closed all just now: the second attempt is on a new one', async () => {
    for (let i = 0; i < 2; i++) ask();
    await settle();
    for (const i of [0, 1]) tunnel.respond(i, ok);
    await settle();
    const { told } = ask();
    for (const i of [1, 0]) tunnel.end(i);
    await settle();
    tunnel.respond(2, ok);
    await settle();
    expect(told).toEqual(whole);
  });

  test('what a slow user has not read behind a response is no answer to the request that waits', async () => {
    const first = ask({ settings: { connections: 1 } });
    const { told } = ask({ settings: { connections: 1 } });
    await settle();
    // Of this size pieces are not put together while they wait.
    const piece = 'a'.repeat(8192);
    tunnel.respond(0, `HTTP/1.1 200 OK\r\nContent-Length: ${3 * piece.length}\r\n\r\n${piece}`);
    first.call.pause();
    await settle();
    tunnel.respond(0, piece);
    tunnel.respond(0, piece);
    tunnel.respond(0, `HTTP/1.1 200 OK\r\nContent-Length: ${piece.length}\r\n\r\n${piece}`);
    first.call.resume();
    await settle();
    expect(first.told.slice(-2)).toEqual(['end', 'finished']);
    expect([told, tunnel.ends.length]).toEqual([[], 2]);
    tunnel.respond(1, ok);
    await settle();
    expect(told).toEqual(whole);
  });

  test('idleConnectionMs: end when nobody needs them', async () => {
    ask();
    await settle();
    tunnel.respond(0, ok);
    await settle();
    clock.advance(defaultLimits.idleConnectionMs - 1);
    expect(tunnel.ends[0]?.ended).toBe(false);
    clock.advance(1);
    await settle();
    expect(tunnel.open).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('a device that takes one connection', () => {
  beforeEach(() => {
    tunnel.takes = (open) => open === 0;
  });

  test('and refuses others gets all requests, one after the other', async () => {
    const asked = [ask(), ask(), ask({ owner: 'bob' }), ask(post)];
    for (let answered = 0; answered < 10; answered++) {
      await settle();
      for (const { call, told } of asked) {
        if (told.at(-1) !== 'ready') continue;
        call.write(Buffer.from('hi'));
        call.end();
      }
      tunnel.ends.forEach(({ channel }, at) => {
        if (channel.opened && !channel.destroyed && !channel.writableEnded) tunnel.respond(at, ok);
      });
    }
    expect(asked.map(({ told }) => told.at(-1))).toEqual(Array(4).fill('finished'));
  });

  test('idleCloseMs: gets a form after a page, though it never closes by itself', async () => {
    ask();
    await settle();
    tunnel.respond(0, ok);
    await setImmediate();
    const { told } = ask(post);
    await setImmediate();
    expect([tunnel.ends[0]?.ended, tunnel.ends.length]).toEqual([true, 1]);
    // Then it is reset.
    clock.advance(defaultLimits.idleCloseMs);
    await settle();
    expect(told).toEqual(['ready']);
  });

  test('and lets others wait in the queue of its system is not kept busy by an idle one', async () => {
    tunnel.takes = () => true;
    const asked = [ask(), ask({ owner: 'bob' })];
    await settle();
    tunnel.respond(0, ok);
    await settle();
    expect(asked[0]?.told).toEqual(whole);
    expect(tunnel.ends.map(({ ended }) => ended)).toEqual([true, false]);
    tunnel.respond(1, ok);
    await settle();
    expect(tunnel.ends[1]?.ended).toBe(false);
  });

  test('justServedMs: and says so gets a form on the connection of the page, unless that was a while ago', async () => {
    const one = { settings: { connections: 1 } };
    for (const [pause, connections] of [
      [defaultLimits.justServedMs - 1, 1],
      [defaultLimits.justServedMs, 2],
    ] as const) {
      use();
      ask(one);
      await settle();
      tunnel.respond(0, ok);
      await settle();
      clock.advance(pause);
      const { call, told } = ask({ ...post, ...one });
      await settle();
      call.write(Buffer.from('hi'));
      call.end();
      tunnel.respond(connections - 1, ok);
      await settle();
      expect([told, tunnel.ends.length]).toEqual([['ready', ...whole], connections]);
    }
  });

  test('and ends others without a word gets a second try of what may be sent twice', async () => {
    tunnel.takes = () => true;
    // Two at once, as browsers do, of which it serves one.
    const first = ask();
    await settle();
    tunnel.respond(0, ok);
    await settle();
    expect(first.told).toEqual(whole);
    const held = ask();
    const second = ask();
    await settle();
    tunnel.respond(0, ok);
    tunnel.reset(1);
    await settle();
    expect(held.told).toEqual(whole);
    tunnel.respond(tunnel.ends.length - 1, ok);
    await settle();
    expect(second.told.at(-1)).toBe('finished');
  });

  test('and resets others at once gets all that may be sent twice, one after the other', async () => {
    tunnel.takes = () => true;
    const asked = [ask(), ask(), ask(), ask({ owner: 'bob' })];
    await settle();
    for (const at of [3, 1, 2]) tunnel.reset(at);
    await settle();
    for (let answered = 0; answered < asked.length; answered++) {
      const at = tunnel.ends.findIndex(({ channel }) => !channel.destroyed && !channel.writableEnded);
      tunnel.respond(at, ok);
      await settle();
    }
    expect(asked.map(({ told }) => told)).toEqual(Array(4).fill(whole));
    expect(tunnel.open).toBe(1);
  });

  test('and resets a form gets it no second time', async () => {
    tunnel.takes = () => true;
    ask();
    const { call, told } = ask(post);
    await settle();
    call.write(Buffer.from('hi'));
    call.end();
    tunnel.reset(1);
    await settle();
    expect(told).toEqual(['ready', 'ChannelFailure']);
    expect(tunnel.ends).toHaveLength(2);
  });

  test('and resets a request twice has its failure told', async () => {
    tunnel.takes = () => true;
    ask();
    const { told } = ask();
    await settle();
    tunnel.reset(1);
    await settle();
    clock.advance(defaultLimits.idleCloseMs);
    await settle();
    expect([told, tunnel.ends.length]).toEqual([[], 3]);
    tunnel.reset(2);
    await settle();
    expect(told).toEqual(['ChannelFailure']);
  });

  test('learnedConnectionsMs: after a time more are tried', async () => {
    const held = ask();
    const refused = ask({ owner: 'bob' });
    await settle();
    expect(tunnel.ends).toHaveLength(2);
    clock.advance(defaultLimits.idleCloseMs);
    await settle();
    // One more, in case it was for a moment only.
    expect(tunnel.ends).toHaveLength(3);
    tunnel.respond(0, ok);
    await settle();
    tunnel.respond(3, ok);
    await settle();
    expect([held.told, refused.told]).toEqual([whole, whole]);
    clock.advance(defaultLimits.learnedConnectionsMs);
    await settle();
    tunnel.takes = () => true;
    for (let i = 0; i < 3; i++) ask();
    await settle();
    expect(tunnel.open).toBe(3);
  });

  test('beside one that never ends gets others as soon as it takes them', async () => {
    ask();
    const second = ask();
    await settle();
    expect(second.told).toEqual([]);
    tunnel.takes = () => true;
    clock.advance(defaultLimits.idleCloseMs);
    await settle();
    tunnel.respond(2, ok);
    await settle();
    expect(second.told).toEqual(whole);
  });

  test('that refuses everybody is not asked again and again', async () => {
    tunnel.takes = () => false;
    const asked = [ask(), ask(), ask()];
    for (let i = 0; i < 5; i++) await settle();
    expect(asked.map(({ told }) => told)).toEqual(Array(3).fill(['ChannelFailure']));
    expect(tunnel.ends.length).toBeLessThanOrEqual(6);
  });
});

describe('bounds', () => {
  test('httpConnectionsPerUser: one user leaves connections to others', async () => {
    for (let i = 0; i < 20; i++) ask({ owner: 'alice' });
    await settle();
    expect(tunnel.open).toBe(defaultLimits.httpConnectionsPerUser);
    ask({ owner: 'bob' });
    await settle();
    expect(tunnel.open).toBe(defaultLimits.httpConnectionsPerUser + 1);
  });

  test('streams without an end of their own are not counted, up to half of all', async () => {
    const stream = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
    for (let i = 0; i < 40; i++) {
      ask();
      await settle();
      if (i < 28) tunnel.respond(i, stream);
    }
    expect(tunnel.open).toBe(defaultLimits.httpConnectionsPerPort / 2);
    ask({ owner: 'bob' });
    await settle();
    expect(tunnel.open).toBe(defaultLimits.httpConnectionsPerPort / 2 + 1);
  });

  test('a quarter of all is for users who have none, however many others hold all that they can get', async () => {
    for (let user = 0; user < 11; user++) {
      for (let i = 0; i < 10; i++) ask({ owner: `user ${user}` });
      await settle();
    }
    // Eight have six each, and three have one.
    expect(tunnel.open).toBe(51);
    ask({ owner: 'one more' });
    await settle();
    expect(tunnel.open).toBe(52);
  });

  test('what the service takes at once, one of them for others where it takes several', async () => {
    for (let i = 0; i < 20; i++) ask({ settings: { connections: 4 } });
    await settle();
    expect(tunnel.open).toBe(3);
    ask({ owner: 'bob', settings: { connections: 4 } });
    ask({ owner: 'carol', settings: { connections: 4 } });
    await settle();
    expect(tunnel.open).toBe(4);
  });

  test('users who wait come in turn', async () => {
    const one = { settings: { connections: 1 } };
    const asked = [ask(one), ask(one), ask(one), ask({ owner: 'bob', ...one })];
    await settle();
    tunnel.respond(0, ok);
    await settle();
    tunnel.respond(0, ok);
    await settle();
    // Bob comes before the third of Alice, which has waited longer: her connection made place for his.
    tunnel.respond(1, ok);
    await settle();
    expect(asked.map(({ told }) => told.at(-1))).toEqual(['finished', 'finished', undefined, 'finished']);
  });

  test('a request that finds no connection in time says so', async () => {
    const one = { settings: { connections: 1, responseTimeoutMs: 500 } };
    ask({ settings: { connections: 1, responseTimeoutMs: 5000 } });
    const waiting = ask(one);
    clock.advance(500);
    expect(waiting.told).toEqual(['NoConnection']);
    await settle();
    expect(tunnel.ends).toHaveLength(1);
  });
});

describe('the time for an answer', () => {
  const times = { settings: { responseTimeoutMs: 1000 } };

  test('begins when the last byte has been taken, and stands still while bytes move', async () => {
    const { call, told } = ask({ ...post, ...times });
    await settle();
    for (let i = 0; i < 10; i++) {
      clock.advance(900);
      call.write(Buffer.from('x'));
      await settle();
    }
    call.end();
    clock.advance(999);
    expect(told).toEqual(['ready']);
    clock.advance(1);
    expect(told).toEqual(['ready', 'NoAnswer']);
    expect(tunnel.ends[0]?.error).not.toBeNull();
  });

  test('is for a device that takes nothing, too, and not for a user who sends nothing', async () => {
    const slow = ask({ ...post, ...times });
    await settle();
    clock.advance(5000);
    expect(slow.told).toEqual(['ready']);
    tunnel.reads = false;
    slow.call.write(Buffer.from('x'));
    await settle();
    clock.advance(1000);
    expect(slow.told).toEqual(['ready']);
    clock.advance(1000);
    expect(slow.told).toEqual(['ready', 'NoAnswer']);
  });
});

describe('an answer before the end of the request', () => {
  async function answered(status: number): Promise<ReturnType<typeof ask>> {
    const asked = ask({
      method: 'POST',
      body: 'chunked',
      headers: ['Host', 'x', 'Transfer-Encoding', 'chunked'],
    });
    await settle();
    asked.call.write(Buffer.from('first'));
    tunnel.respond(0, `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`);
    await settle();
    return asked;
  }

  test('does not stop the request, and the response ends with it', async () => {
    const { call, told } = await answered(200);
    expect(told).toEqual(['ready', '200', 'ok', 'end']);
    call.write(Buffer.from('second'));
    call.end([['X-Sum', '1']]);
    await settle();
    expect(tunnel.ends[0]?.received).toMatch(/\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\nX-Sum: 1\r\n\r\n$/);
    expect(told).toEqual(['ready', '200', 'ok', 'end', 'finished']);
    expect(tunnel.open).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('of a device that has ended its direction, and reads on', async () => {
    const { call, told } = await answered(200);
    tunnel.end(0);
    await settle();
    call.write(Buffer.from('second'));
    call.end();
    await settle();
    expect(tunnel.ends[0]?.received).toMatch(/6\r\nsecond\r\n0\r\n\r\n$/);
    expect(told.at(-1)).toBe('finished');
  });

  test('of a device that resets the connection then', async () => {
    const { call, told } = await answered(200);
    tunnel.reset(0);
    await settle();
    expect(told.at(-1)).toBe('finished');
    expect(call.write(Buffer.from('dropped'))).toBe(true);
  });

  test('and a user who breaks off: the device sees that it has not got the whole', async () => {
    const { call, told } = await answered(200);
    call.cancel();
    await settle();
    expect(tunnel.ends[0]?.error).not.toBeNull();
    expect([told.at(-1), clock.pending]).toEqual(['end', 0]);
  });

  describe('of a device that takes the rest late', () => {
    const turns = async () => {
      for (let i = 0; i < 5; i++) await setImmediate();
    };
    async function sent(bytes: number): Promise<ReturnType<typeof ask>> {
      const asked = await answered(200);
      asked.call.write(Buffer.alloc(bytes));
      asked.call.end();
      await turns();
      return asked;
    }

    test('the response ends when the device has taken the request as far as its credit tells', async () => {
      const { told } = await sent(200_000);
      const end = tunnel.ends[0];
      clock.advance(defaultLimits.responseMs - 1);
      expect([told.includes('finished'), end?.ended]).toEqual([false, false]);
      end?.channel.onCredit(10_000);
      clock.advance(defaultLimits.responseMs - 1);
      expect([told.includes('finished'), end?.ended]).toEqual([false, false]);
      end?.channel.onCredit(150_000);
      await turns();
      expect([told.at(-1), end?.ended]).toEqual(['finished', true]);
    });

    test('responseMs: what it does not take does not look like success', async () => {
      const { told } = await sent(200_000);
      clock.advance(defaultLimits.responseMs);
      clock.advance(defaultLimits.responseMs);
      expect(told.at(-1)).toBe('NoAnswer');
      expect([tunnel.ends[0]?.error, tunnel.open, clock.pending]).toEqual([5, 0, 0]);
    });

    test('responseMs: it has time for what its credit does not tell, even if others wait', async () => {
      const { told } = await sent(100_000);
      expect(told.at(-1)).toBe('finished');
      tunnel.takes = (open) => open === 0;
      ask({ owner: 'bob' });
      await turns();
      // The link's own linger, and `idleCloseMs` for those who wait.
      tunnel.clock.advance(60_000);
      clock.advance(defaultLimits.responseMs - 1);
      expect(tunnel.ends[0]?.error).toBeNull();
      clock.advance(1);
      expect(tunnel.ends[0]?.error).toBe(5);
    });
  });

  test('responseMs: of a device that takes no more, which does not look like success', async () => {
    const { call, told } = await answered(200);
    tunnel.reads = false;
    call.write(Buffer.from('second'));
    // A device that erases its flash takes nothing for a while.
    clock.advance(defaultLimits.responseMs - 1000);
    expect(told.at(-1)).toBe('end');
    clock.advance(defaultLimits.responseMs + 1000);
    expect(told.at(-1)).toBe('NoAnswer');
    expect([tunnel.open, clock.pending]).toEqual([0, 0]);
  });

  test('earlyRefusalMs: a user who sends nothing more of what was refused gets the end, and may still go on', async () => {
    const { call, told } = await answered(413);
    clock.advance(2 * defaultLimits.earlyRefusalMs);
    expect(told.at(-1)).toBe('finished');
    call.write(Buffer.from('second'));
    await settle();
    expect(tunnel.ends[0]?.received).toContain('second');
    call.end();
    await settle();
    expect(tunnel.open).toBe(0);
    expect(told.filter((word) => word === 'finished')).toHaveLength(1);
  });
});

describe('what goes wrong', () => {
  test.each(['head', 'body', 'end', 'finished'] as const)(
    'an exception in %s ends the call alone',
    async (event) => {
      const faults: unknown[] = [];
      const fail = () => {
        throw new Error(event);
      };
      ask({ events: { [event]: fail, fault: (error) => faults.push(error) } });
      await settle();
      tunnel.respond(0, ok);
      await settle();
      expect(faults).toEqual([new Error(event)]);
      const { told } = ask();
      await settle();
      tunnel.respond(tunnel.ends.length - 1, ok);
      await settle();
      expect(told).toEqual(whole);
    },
  );

  test('a body that only the end delimits is whole by the end in order alone', async () => {
    const [ended, reset] = [ask(), ask()];
    await settle();
    for (const at of [0, 1]) tunnel.respond(at, 'HTTP/1.1 200 OK\r\n\r\npart');
    await settle();
    tunnel.end(0);
    tunnel.reset(1);
    await settle();
    expect(ended.told).toEqual(['200', 'part', 'end', 'finished']);
    expect(reset.told).toEqual(['200', 'part', 'ChannelFailure']);
  });

  test('a user who leaves resets the connection, and frees the place in the queue', async () => {
    const one = { settings: { connections: 1 } };
    const [first, second] = [ask(one), ask(one)];
    await settle();
    second.call.cancel();
    first.call.cancel();
    await settle();
    expect(tunnel.ends.map(({ error }) => error)).toEqual([5]);
    expect([first.told, second.told, clock.pending]).toEqual([[], [], 0]);
  });
});
