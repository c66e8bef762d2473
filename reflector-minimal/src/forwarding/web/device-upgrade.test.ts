import { beforeEach, expect, test } from 'vitest';
import { ForwardingStage, requestHead } from '../../testing/forwarding-stage.ts';

let stage: ForwardingStage;
beforeEach(() => {
  stage = new ForwardingStage();
});

const upgrade = (...more: readonly string[]) =>
  requestHead('GET /socket HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket, h2c', ...more);
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nX-A: 1\r\n';
const bodyOf = (received: string) => received.slice(received.indexOf('\r\n\r\n') + 4);
const statusOf = (received: string) => received.split('\r\n')[0];
const device = () => stage.tunnel.ends[0];

test('is offered as WebSocket alone, and becomes one connection with all that has come early', async () => {
  const user = await stage.user(`${upgrade()}early`);
  expect(device()?.received).toMatch(/^GET \/socket HTTP\/1\.1\r\n/);
  expect(device()?.received).toMatch(/\r\nUpgrade: websocket\r\n.*\r\nConnection: Upgrade\r\n\r\n$/s);
  await stage.answer(`${switching}\r\nrest`);
  expect(user.received).toBe(`${switching}\r\nrest`);
  expect(bodyOf(device()?.received ?? '')).toBe('early');
  await stage.send(user, ' more');
  await stage.answer(' too');
  expect([bodyOf(user.received), bodyOf(device()?.received ?? '')]).toEqual(['rest too', 'early more']);
  stage.tunnel.end(0);
  await stage.idle();
  expect([user.end.readableEnded, user.closed, device()?.ended]).toEqual([true, false, false]);
  await stage.send(user, '!');
  user.end.end();
  await stage.idle();
  expect([bodyOf(device()?.received ?? ''), device()?.ended, device()?.error]).toEqual([
    'early more!',
    true,
    null,
  ]);
  expect(stage.carried).toEqual([{ bytesFrom: 8, bytesTo: 11 }]);
  expect(stage.access.size).toBe(0);
});

test('has nothing added where nothing has come early, and a reason of ours where the device gives none', async () => {
  const user = await stage.user(upgrade());
  await stage.answer('HTTP/1.1 101\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  expect(statusOf(user.received)).toBe('HTTP/1.1 101 Switching Protocols');
  expect([bodyOf(user.received), bodyOf(device()?.received ?? '')]).toEqual(['', '']);
  user.end.destroy();
  await stage.idle();
  expect([device()?.error, stage.carried]).toEqual([5, [{ bytesFrom: 0, bytesTo: 0 }]]);
});

test('ends for the user as it does at the device', async () => {
  const user = await stage.user(upgrade());
  await stage.answer(`${switching}\r\n`);
  stage.tunnel.reset(0);
  await stage.idle();
  expect(user.closed).toBe(true);
});

test('ends with access', async () => {
  const user = await stage.user(upgrade());
  await stage.answer(`${switching}\r\n`);
  for (const access of stage.access) access.end('removed');
  await stage.idle();
  expect([user.closed, device()?.error]).toEqual([true, 5]);
});

test('to a protocol that nobody has asked for is no answer', async () => {
  for (const protocol of ['h2c', 'websocket2']) {
    stage = new ForwardingStage();
    const user = await stage.user(upgrade());
    await stage.answer(switching.replace('WebSocket', protocol).concat('\r\n'));
    expect(statusOf(user.received)).toBe('HTTP/1.1 502 Bad Gateway');
    expect(bodyOf(user.received)).toContain('it changes to a protocol for which nobody has asked');
    expect(device()?.error).toBe(5);
  }
});

test('that the device refuses is refused in its words, and what the user sent after it is dropped', async () => {
  const user = await stage.user(`${upgrade()}early`);
  await stage.answer(
    'HTTP/1.1 426 Wait\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nX-Sum: 7\r\n\r\n',
  );
  expect(statusOf(user.received)).toBe('HTTP/1.1 426 Wait');
  expect(bodyOf(user.received)).toBe('2\r\nno\r\n0\r\nX-Sum: 7\r\n\r\n');
  expect(device()?.received).not.toContain('early');
  // It waits a while for the user to close.
  expect([user.end.readableEnded, user.closed]).toEqual([true, false]);
  stage.clock.advance(stage.limits.discardMs);
  await stage.idle();
  expect(user.closed).toBe(true);
  expect(stage.carried).toEqual([{ bytesFrom: 2, bytesTo: 0 }]);
});

test('a refusal that breaks off does not look whole', async () => {
  const user = await stage.user(upgrade());
  await stage.answer('HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n');
  stage.tunnel.reset(0);
  await stage.idle();
  expect([user.closed, user.received.endsWith('0\r\n\r\n')]).toEqual([true, false]);
});

test('a refusal is not passed on beyond what the user takes', async () => {
  const user = await stage.user(upgrade());
  user.end.pause();
  await stage.answer(`HTTP/1.1 403 No\r\nContent-Length: ${4 << 20}\r\n\r\n`);
  const channel = device()?.channel;
  let sent = 0;
  for (; sent < 64 && !channel?.isPaused(); sent++) await stage.answer('x'.repeat(1 << 16));
  expect(sent).toBeLessThan(64);
  user.end.resume();
  await stage.idle();
  for (; sent < 64; sent++) await stage.answer('x'.repeat(1 << 16));
  expect(bodyOf(user.received).length).toBe(4 << 20);
});

test('a redirect that leads in a loop is a refusal', async () => {
  const user = await stage.user(upgrade());
  await stage.answer('HTTP/1.1 302 Found\r\nLocation: https://dev1/socket\r\nContent-Length: 100\r\n\r\n');
  expect(bodyOf(user.received)).toMatch(/^The device leads to its page by https/);
  expect(device()?.error).toBe(5);
});

test('that fails says why', async () => {
  stage.tunnel.takes = () => false;
  const user = await stage.user(upgrade());
  expect(statusOf(user.received)).toBe('HTTP/1.1 502 Bad Gateway');
  expect(bodyOf(user.received)).toBe('Nothing answers on port 80 of the device\n');
});

test('of a user who goes away ends at the device, at any time', async () => {
  const user = await stage.user(upgrade());
  user.end.destroy();
  await stage.idle();
  expect(device()?.error).toBe(5);
  stage = new ForwardingStage();
  stage.keepsAccess = async () => {
    gone.end.destroy();
    await stage.idle();
    return true;
  };
  const gone = await stage.user();
  await stage.send(gone, upgrade());
  expect([stage.tunnel.ends, stage.records]).toEqual([[], []]);
});

test('a fault of ours costs this one alone, and is in the log', async () => {
  const user = await stage.user(upgrade());
  Object.defineProperty(stage, 'properties', {
    get: () => {
      throw new TypeError('ours');
    },
  });
  await stage.answer('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n');
  expect(statusOf(user.received)).toBe('HTTP/1.1 500 Internal Server Error');
  expect(stage.logged).toMatchObject([{ msg: 'exchange failed', err: { message: 'ours' } }]);
});

test('on a host that devices share has cookies for all of it', async () => {
  const shared = upgrade(
    'Cookie: __Host-rm-device-session=good.dev1',
    'Origin: https://view.r.example',
  ).replace('Host: dev1', 'Host: view');
  const user = await stage.user(shared);
  await stage.answer(`${switching}Set-Cookie: a=b; Path=/x\r\n\r\n`);
  expect(user.received).toContain('\r\nSet-Cookie: a=b; Path=/\r\n');
});
