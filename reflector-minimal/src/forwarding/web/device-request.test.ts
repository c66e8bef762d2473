import { beforeEach, describe, expect, test } from 'vitest';
import { ForwardingStage, identity, requestHead } from '../../testing/forwarding-stage.ts';

let stage: ForwardingStage;
beforeEach(() => {
  stage = new ForwardingStage();
});

/** What has come after the head. */
const bodyOf = (received: string) => received.slice(received.indexOf('\r\n\r\n') + 4);
const statusOf = (received: string) => received.split('\r\n')[0];
const device = (at = 0) => stage.tunnel.ends[at];
const connections = () => stage.tunnel.ends.length;

describe('a request', () => {
  test('goes to the device, and its response to the user; the connections stay', async () => {
    const user = await stage.user(requestHead('GET /page?q=%20 HTTP/1.1', 'X-A: 1'));
    expect(device()?.channel.port).toBe(80);
    expect(device()?.received).toMatch(
      /^GET \/page\?q=%20 HTTP\/1\.1\r\nHost: dev1\.r\.example\r\nX-A: 1\r\n/,
    );
    await stage.answer('HTTP/1.1 207 Fine\r\nX-B: 2\r\nContent-Length: 5\r\n\r\nhello');
    expect(user.received).toMatch(/^HTTP\/1\.1 207 Fine\r\nX-B: 2\r\n/);
    expect(bodyOf(user.received)).toBe('hello');
    expect([user.closed, device()?.error, device()?.ended]).toEqual([false, null, false]);
    await stage.send(user, requestHead('GET /next HTTP/1.1'));
    expect([connections(), device()?.received.includes('GET /next')]).toEqual([1, true]);
    user.end.destroy();
    await stage.idle();
    // This request has no answer yet.
    expect(device()?.error).toBe(5);
  });

  test('with a body arrives whole, and is counted both ways', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Content-Length: 6'));
    await stage.send(user, 'abc');
    expect(bodyOf(device()?.received ?? '')).toBe('abc');
    await stage.send(user, 'def');
    expect(bodyOf(device()?.received ?? '')).toBe('abcdef');
    expect(stage.carried).toEqual([]);
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect([stage.carried, bodyOf(user.received)]).toEqual([[{ bytesFrom: 2, bytesTo: 6 }], 'ok']);
  });

  test('without a target or body has the usual ones', async () => {
    await stage.user(requestHead('POST /x HTTP/1.1'));
    expect(device()?.received).toMatch(/^POST \/x HTTP\/1\.1\r\n/);
    expect(device()?.received).toContain('Content-Length: 0\r\n');
  });

  test('that the device takes slowly holds the user back, and nothing is lost', async () => {
    stage.tunnel.reads = false;
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', `Content-Length: ${4 << 20}`));
    for (let i = 0; i < 64; i++) await stage.send(user, 'x'.repeat(1 << 16));
    expect(user.end.writableLength).toBeGreaterThan(1 << 20);
    stage.tunnel.reads = true;
    const { channel } = device() ?? {};
    if (channel) stage.tunnel.ready(channel);
    for (let i = 0; i < 64; i++) {
      channel?.onCredit(1 << 16);
      await stage.idle();
    }
    expect(bodyOf(device()?.received ?? '').length).toBe(4 << 20);
    expect(user.end.writableLength).toBe(0);
  });

  test('that breaks off ends its connection to the device', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Content-Length: 6'));
    await stage.send(user, 'abc');
    user.end.destroy();
    await stage.idle();
    expect([device()?.error, stage.logged]).toEqual([5, []]);
    expect(stage.access.size).toBe(0);
  });

  test('passes on trailers that may be some, and not too many', async () => {
    const chunked = requestHead('PUT /file HTTP/1.1', 'Transfer-Encoding: chunked');
    await stage.user(`${chunked}3\r\nabc\r\n0\r\nX-Sum: 7\r\nCookie: a=b\r\n\r\n`);
    expect(bodyOf(device()?.received ?? '')).toBe('3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n');
    const lines = (count: number) => 'X: 1\r\n'.repeat(count);
    await stage.user(`${chunked}0\r\n${lines(stage.limits.headLines)}\r\n`);
    expect(bodyOf(device(1)?.received ?? '').length).toBe(5 + 6 * stage.limits.headLines);
    const user = await stage.user(`${chunked}0\r\n${lines(stage.limits.headLines + 1)}\r\n`);
    expect(statusOf(user.received)).toBe('HTTP/1.1 431 Request Header Fields Too Large');
    expect(bodyOf(user.received)).toBe('Too many trailer lines\n');
    expect(device(2)?.error).toBe(5);
  });
});

describe('"100 Continue"', () => {
  const put = requestHead('PUT /file HTTP/1.1', 'Content-Length: 3', 'Expect: 100-continue');

  test('comes from the device, once the user waits for it', async () => {
    const user = await stage.user(put);
    expect(user.received).toBe('');
    await stage.answer('HTTP/1.1 100 Continue\r\n\r\n');
    expect(user.received).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await stage.send(user, 'abc');
    await stage.answer('HTTP/1.1 204 No Content\r\n\r\n');
    expect([device()?.error, user.received.includes('HTTP/1.1 204 ')]).toEqual([null, true]);
  });

  test('is not passed on to a user who did not ask for it', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Content-Length: 3'));
    await stage.answer('HTTP/1.1 100 Continue\r\n\r\n');
    expect(user.received).toBe('');
  });

  test('that does not come: the final answer ends the request, and its connection', async () => {
    const user = await stage.user(put);
    await stage.answer('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    expect([statusOf(user.received), bodyOf(user.received)]).toEqual(['HTTP/1.1 403 Forbidden', 'no']);
    expect(device()?.error).toBe(5);
  });

  test('a body that comes without it is taken to its end', async () => {
    const user = await stage.user(`${put}a`);
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect([bodyOf(user.received), device()?.error]).toEqual(['', null]);
    await stage.send(user, 'bc');
    expect([bodyOf(user.received), device()?.error]).toEqual(['ok', null]);
    expect(bodyOf(device()?.received ?? '')).toBe('abc');
  });

  test.each([
    ['HTTP/1.0 knows none', requestHead('PUT /file HTTP/1.0', 'Content-Length: 3', 'Expect: 100-continue')],
    ['nobody waits who expects nothing', requestHead('PUT /file HTTP/1.1', 'Content-Length: 3')],
  ])('%s: then the answer waits for the request', async (_title, head) => {
    const user = await stage.user(head);
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect([bodyOf(user.received), device()?.error]).toEqual(['', null]);
    await stage.send(user, 'abc');
    expect(bodyOf(user.received)).toBe('ok');
    expect(device()?.received.endsWith('abc')).toBe(true);
  });
});

describe('a response', () => {
  test('has its early hints before it, except for a client of HTTP/1.0', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    const user = await stage.user(requestHead());
    await stage.answer(hints);
    expect(user.received).toBe(hints);
    const old = await stage.user(requestHead('GET / HTTP/1.0'));
    await stage.answer(hints, 1);
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 1);
    expect([statusOf(old.received), bodyOf(old.received)]).toEqual(['HTTP/1.1 200 OK', 'ok']);
  });

  test('is not passed on beyond what the user takes', async () => {
    const user = await stage.user(requestHead());
    user.end.pause();
    await stage.answer(`HTTP/1.1 200 OK\r\nContent-Length: ${4 << 20}\r\n\r\n`);
    const channel = device()?.channel;
    let sent = 0;
    for (; sent < 64 && !channel?.isPaused(); sent++) await stage.answer('x'.repeat(1 << 16));
    expect(sent).toBeLessThan(64);
    user.end.resume();
    await stage.idle();
    expect(channel?.isPaused()).toBe(false);
    for (; sent < 64; sent++) await stage.answer('x'.repeat(1 << 16));
    expect(bodyOf(user.received).length).toBe(4 << 20);
  });

  test('has a head that does not wait for its body', async () => {
    const user = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    expect(statusOf(user.received)).toBe('HTTP/1.1 200 OK');
    await stage.answer('hello');
    expect(bodyOf(user.received)).toBe('hello');
  });

  test('that has ended before the request is passed on but for its last piece', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Content-Length: 3'));
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello');
    expect(bodyOf(user.received)).toBe('hello');
    await stage.answer(' you');
    expect(bodyOf(user.received)).toBe('hello');
    await stage.send(user, 'abc');
    expect(bodyOf(user.received)).toBe('hello you');
  });

  test.each(['204 No Content\r\n', '200 OK\r\nContent-Length: 0\r\n'])(
    'without a body has its head held back until the request is through: %j',
    async (head) => {
      const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Content-Length: 3'));
      await stage.answer(`HTTP/1.1 ${head}\r\n`);
      expect(user.received).toBe('');
      await stage.send(user, 'abc');
      expect(user.received).toMatch(/^HTTP\/1\.1 20[04] /);
    },
  );

  test('that has begun is cut where the request turns out to be no good', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Transfer-Encoding: chunked'));
    await stage.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
    await stage.send(user, `0\r\n${'X: 1\r\n'.repeat(stage.limits.headLines + 1)}\r\n`);
    expect([user.closed, device()?.error, user.received.match(/HTTP/g)?.length]).toEqual([true, 5, 1]);
  });

  test('has its trailers, and none in HTTP/1.0', async () => {
    const chunked =
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nDate: no\r\n\r\n';
    const user = await stage.user(requestHead());
    await stage.answer(chunked);
    expect(user.received).toContain('\r\nTrailer: X-Sum\r\n');
    expect(bodyOf(user.received)).toBe('2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n');
    const old = await stage.user(requestHead('GET / HTTP/1.0'));
    await stage.answer(chunked, connections() - 1);
    expect([bodyOf(old.received), old.received.includes('Trailer')]).toEqual(['ok', false]);
  });

  test('that breaks off is not passed on as a whole one', async () => {
    for (const version of ['1.1', '1.0']) {
      const user = await stage.user(requestHead(`GET / HTTP/${version}`));
      const at = connections() - 1;
      await stage.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n', at);
      stage.tunnel.reset(at);
      await stage.idle();
      expect([user.closed, user.received.endsWith('0\r\n\r\n')]).toEqual([true, false]);
    }
  });

  test('that the user does not wait for ends the connection to the device', async () => {
    const user = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel');
    user.end.destroy();
    await stage.idle();
    expect(device()?.error).toBe(5);
    expect(stage.carried).toEqual([{ bytesFrom: 3, bytesTo: 0 }]);
  });

  test('of a user who has gone meanwhile is not begun', async () => {
    stage.keepsAccess = async () => {
      user.end.destroy();
      await stage.idle();
      return true;
    };
    const user = await stage.user();
    await stage.send(user, requestHead());
    expect([connections(), stage.records, stage.access.size]).toEqual([0, [], 0]);
  });

  test('to an answer before the end of the request the rest is read and dropped', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', `Content-Length: ${1 << 20}`));
    await stage.answer('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno');
    stage.tunnel.reset(0);
    await stage.idle();
    for (let i = 0; i < 16; i++) await stage.send(user, 'x'.repeat(1 << 16));
    expect([statusOf(user.received), bodyOf(user.received)]).toEqual(['HTTP/1.1 413 Too Large', 'no']);
    expect(user.end.writableLength).toBe(0);
  });

  test('that is a refusal ends in the end for a user who sends no more; who then goes ends the connection to the device', async () => {
    const user = await stage.user(requestHead('PUT /file HTTP/1.1', 'Content-Length: 3'));
    await stage.answer('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    stage.clock.advance(stage.limits.earlyRefusalMs);
    await stage.idle();
    expect([bodyOf(user.received), device()?.error]).toEqual(['no', null]);
    user.end.destroy();
    await stage.idle();
    expect(device()?.error).toBe(5);
  });

  test('is an event stream if it says so', async () => {
    await stage.user(requestHead());
    const begun = await stage.forwarded[0];
    expect(begun?.endless).toBe(false);
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    expect(begun?.endless).toBe(true);
    await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 1);
    expect((await stage.forwarded[1])?.endless).toBe(false);
  });
});

describe('in place of a response', () => {
  test('a refusal says what has failed, and the user may ask again', async () => {
    stage.tunnel.takes = () => false;
    const user = await stage.user(requestHead());
    expect(statusOf(user.received)).toBe('HTTP/1.1 502 Bad Gateway');
    expect(bodyOf(user.received)).toBe('Nothing answers on port 80 of the device\n');
    expect(user.closed).toBe(false);
    stage.tunnel.takes = () => true;
    await stage.send(user, requestHead('GET /again HTTP/1.1'));
    expect(device(connections() - 1)?.received).toMatch(/^GET \/again /);
  });

  test('a redirect that leads in a loop is a refusal, and ends the connection to the device', async () => {
    const user = await stage.user(requestHead('GET /a HTTP/1.1'));
    await stage.answer('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:443/a\r\nContent-Length: 0\r\n\r\n');
    expect(statusOf(user.received)).toBe('HTTP/1.1 302 Found');
    const looped = await stage.user(requestHead('GET /a HTTP/1.1'));
    const at = connections() - 1;
    await stage.answer('HTTP/1.1 302 Found\r\nLocation: https://dev1/a\r\nContent-Length: 100\r\n\r\n', at);
    expect(bodyOf(looped.received)).toMatch(/^The device leads to its page by https, on its port 443/);
    expect(device(at)?.error).toBe(5);
  });

  test('a fault of ours costs this exchange alone, and is in the log', async () => {
    const user = await stage.user(requestHead());
    const { properties } = stage;
    Object.defineProperty(stage, 'properties', {
      configurable: true,
      get: () => {
        throw new TypeError('ours');
      },
    });
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    expect(statusOf(user.received)).toBe('HTTP/1.1 500 Internal Server Error');
    expect(stage.logged).toMatchObject([
      { level: 50, msg: 'exchange failed', device: 'dev1', port: 80, err: { message: 'ours' } },
    ]);
    expect(device()?.error).toBe(5);
    Object.defineProperty(stage, 'properties', { value: properties });
    const other = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 1);
    expect(bodyOf(other.received)).toBe('hello');
  });

  test('access that ends in the middle cuts it', async () => {
    stage.verdict = identity('device');
    const user = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
    for (const access of stage.access) access.end('removed');
    await stage.idle();
    expect([user.closed, device()?.error, user.received.endsWith('0\r\n\r\n')]).toEqual([true, 5, false]);
  });
});
