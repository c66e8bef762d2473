import { beforeEach, describe, expect, test } from 'vitest';
import { ForwardingStage, identity, requestHead } from '../../testing/forwarding-stage.ts';

let stage: ForwardingStage;
beforeEach(() => {
  stage = new ForwardingStage();
});

const bodyOf = (received: string) => received.slice(received.indexOf('\r\n\r\n') + 4);
const statusOf = (received: string) => Number(received.split(' ')[1]);
const device = () => stage.tunnel.ends[0];
const endings = () => stage.records.filter(({ event }) => event === 'client-tunnel-end');

describe('CONNECT', () => {
  const proven = ['Proxy-Authorization: Basic YTpi'];
  const connect = (port = 22) =>
    [`CONNECT dev1.r.example:${port} HTTP/1.1`, `Host: dev1.r.example:${port}`, ...proven, '', ''].join(
      '\r\n',
    );

  test('becomes one connection with all that has come early, and is in the audit log', async () => {
    const user = await stage.user(`${connect(2222)}early`);
    expect([device()?.channel.port, device()?.received]).toEqual([2222, 'early']);
    expect(user.received).toBe('HTTP/1.1 200 Connection established\r\n\r\n');
    await stage.send(user, ' more');
    await stage.answer('answer');
    expect([device()?.received, bodyOf(user.received)]).toEqual(['early more', 'answer']);
    stage.clock.advance(1234);
    user.end.end();
    await stage.idle();
    expect([device()?.ended, device()?.error, user.closed]).toEqual([true, null, false]);
    await stage.answer('!');
    stage.tunnel.end(0);
    await stage.idle();
    expect([bodyOf(user.received), user.closed]).toEqual(['answer!', true]);
    expect(endings()).toMatchObject([{ port: 2222, bytesFrom: 7, bytesTo: 10, ms: 1234 }]);
    expect(stage.access.size).toBe(0);
  });

  test('the end of the device leaves the direction to it open', async () => {
    const user = await stage.user(connect());
    expect(device()?.received).toBe('');
    stage.tunnel.end(0);
    await stage.idle();
    expect([user.end.readableEnded, user.closed]).toEqual([true, false]);
    await stage.send(user, 'late');
    expect([device()?.received, device()?.ended]).toEqual(['late', false]);
    user.end.end();
    await stage.idle();
    expect([device()?.ended, device()?.error, user.closed]).toEqual([true, null, true]);
  });

  test('a reset on one side is one on the other', async () => {
    const user = await stage.user(connect());
    stage.tunnel.reset(0);
    await stage.idle();
    expect([user.closed, user.end.readableEnded]).toEqual([true, false]);
    stage = new ForwardingStage();
    const gone = await stage.user(connect());
    gone.end.destroy();
    await stage.idle();
    expect(device()?.error).toBe(5);
  });

  test('a reset after the end of the device is one for the user', async () => {
    const user = await stage.user(connect());
    stage.tunnel.end(0);
    await stage.idle();
    device()?.channel.destroy();
    await stage.idle();
    expect(user.closed).toBe(true);
  });

  test('ends with access, and with the reflector', async () => {
    const first = await stage.user(connect());
    for (const access of stage.access) access.end('removed');
    await stage.idle();
    expect([first.closed, device()?.error]).toEqual([true, 5]);
    const users = [await stage.user(connect()), await stage.user(connect())];
    stage.forwarding.stop(1001);
    await stage.idle();
    expect(users.map(({ closed }) => closed)).toEqual([true, true]);
    expect(endings()).toHaveLength(3);
  });

  test('that fails says why', async () => {
    stage.tunnel.takes = () => false;
    const user = await stage.user(connect());
    expect([statusOf(user.received), bodyOf(user.received)]).toEqual([
      502,
      'Nothing answers on port 22 of the device\n',
    ]);
  });
});

describe('a client tunnel', () => {
  const head = (port: unknown, ...fields: readonly string[]) =>
    requestHead(
      'GET / HTTP/1.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: IPzDYSW5ClWCGSAl2iQBNQ==',
      'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
      ...(port === undefined ? [] : [`X-WebTunnel-RemotePort: ${port}`]),
      ...fields,
    );
  /** A masked frame of a client, with a key of zeros. */
  const frame = (opcode: number, text: string) =>
    `${String.fromCharCode(0x80 | opcode, 0x80 | text.length)}\0\0\0\0${text}`;
  const close = (code: number) => String.fromCharCode(0x88, 2, code >> 8, code & 255);

  test('carries what comes early and later, and ends with its close frame', async () => {
    const user = await stage.user(`${head(' 2222 ')}${frame(2, 'early')}`);
    expect(user.received).toMatch(/^HTTP\/1\.1 101 /);
    expect(user.received).toContain(
      '\r\nSec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0\r\nX-WebTunnel-KeepAlive: 300\r\n',
    );
    expect([device()?.channel.port, device()?.received]).toEqual([2222, 'early']);
    await stage.answer('answer');
    expect(bodyOf(user.received)).toBe('\x82\x06answer');
    stage.clock.advance(1000);
    await stage.send(user, frame(8, '\x03\xe8'));
    user.end.end();
    await stage.idle();
    expect([device()?.ended, bodyOf(user.received)]).toEqual([true, `\x82\x06answer${close(1000)}`]);
    // It counts until the device has ended, too.
    expect([endings(), stage.access.size]).toEqual([[], 1]);
    stage.tunnel.end(0);
    await stage.idle();
    expect(endings()).toMatchObject([{ port: 2222, bytesFrom: 6, bytesTo: 5, ms: 1000 }]);
    expect(stage.access.size).toBe(0);
  });

  test('with the extension, an empty message is a half-close in either direction', async () => {
    const user = await stage.user(
      head(22, 'X-WebTunnel-Extensions: max-frame=2048, window=65536', 'X-WebTunnel-KeepAlive: 100'),
    );
    expect(user.received).toContain('\r\nX-WebTunnel-KeepAlive: 100\r\n');
    expect(user.received).toContain('\r\nX-WebTunnel-Extensions: max-frame=2048, window=');
    await stage.answer('x'.repeat(3000));
    stage.tunnel.end(0);
    await stage.idle();
    const messages = [
      `\x82\x7e\x08\x00${'x'.repeat(2048)}`,
      `\x82\x7e\x03\xb8${'x'.repeat(952)}`,
      '\x82\x00',
    ];
    expect(bodyOf(user.received)).toBe(messages.join(''));
    await stage.send(user, `${frame(2, 'late')}${frame(2, '')}`);
    expect([device()?.received, device()?.ended, device()?.error]).toEqual(['late', true, null]);
    expect(bodyOf(user.received)).toBe(`${messages.join('')}${close(1000)}`);
  });

  test('without it, an empty message is nothing, and the end of the device is a close frame', async () => {
    const user = await stage.user(head(22));
    await stage.send(user, frame(2, ''));
    expect(device()?.ended).toBe(false);
    stage.tunnel.end(0);
    await stage.idle();
    expect(bodyOf(user.received)).toBe(close(1000));
    await stage.answer('after');
    expect(bodyOf(user.received)).toBe(close(1000));
  });

  test('a reset on the device is told by 1011, and what is said after it is dropped', async () => {
    const user = await stage.user(head(22));
    stage.tunnel.reset(0);
    await stage.idle();
    expect(bodyOf(user.received)).toBe(close(1011));
    await stage.send(user, frame(2, 'more'));
    expect(device()?.received).toBe('');
  });

  test('ends by 1008 with access, and with the reflector by its code', async () => {
    const user = await stage.user(head(22));
    for (const access of stage.access) access.end('removed');
    await stage.idle();
    expect([bodyOf(user.received), device()?.error]).toEqual([close(1008), 5]);
    const other = await stage.user(head(22));
    stage.forwarding.stop(1001);
    stage.forwarding.stop(1001);
    await stage.idle();
    expect(bodyOf(other.received)).toBe(close(1001));
  });

  test('a device that goes on after its client has left is read to its end, and nobody gets it', async () => {
    const user = await stage.user(head(22));
    await stage.send(user, frame(8, '\x03\xe8'));
    user.end.end();
    await stage.idle();
    await stage.answer('more');
    expect([bodyOf(user.received), device()?.channel.isPaused()]).toEqual([close(1000), false]);
    stage.tunnel.end(0);
    await stage.idle();
    expect(device()?.error).toBe(null);
  });

  test('that has ended is not closed again with the reflector', async () => {
    const user = await stage.user(head(22));
    await stage.send(user, frame(8, '\x03\xe8'));
    user.end.destroy();
    await stage.idle();
    stage.forwarding.stop(1001);
    expect(bodyOf(user.received)).toBe(close(1000));
  });

  test('a sign of life of either side puts off the end of a silent client', async () => {
    const user = await stage.user(head(22));
    for (const alive of [
      () => stage.send(user, frame(2, 'x')),
      () => stage.send(user, frame(9, '')),
      () => stage.answer('x'),
    ]) {
      stage.clock.advance(899_999);
      await alive();
    }
    stage.clock.advance(899_999);
    await stage.idle();
    expect(user.closed).toBe(false);
    stage.clock.advance(1);
    await stage.idle();
    expect([user.closed, device()?.error]).toEqual([true, 5]);
  });

  test.each([undefined, '', '0', '65536', '123456', '-1', '1e3', '80x', 'x80'])(
    'to port %j is refused',
    async (port) => {
      const user = await stage.user(head(port));
      expect([statusOf(user.received), bodyOf(user.received)]).toEqual([
        400,
        'X-WebTunnel-RemotePort must be a port number, 1 to 65535\n',
      ]);
      expect(stage.records).toMatchObject([{ event: 'client-tunnel', allowed: false, port: undefined }]);
      expect(stage.tunnel.ends).toEqual([]);
    },
  );

  test.each(['1', '65535'])('to port %s is open', async (port) => {
    await stage.user(head(port));
    expect(device()?.channel.port).toBe(Number(port));
  });

  test('whose terms cannot be read is refused', async () => {
    const user = await stage.user(head(22, 'X-WebTunnel-Extensions: max-frame=none'));
    expect(statusOf(user.received)).toBe(400);
    expect(bodyOf(user.received)).not.toBe('\n');
    expect([stage.records[0]?.port, stage.tunnel.ends]).toEqual([22, []]);
  });

  test('by the session of a browser is refused, as any page could open one', async () => {
    stage.verdict = identity('device');
    const user = await stage.user(head(22, 'Origin: https://dev1.r.example'));
    expect([statusOf(user.received), stage.tunnel.ends]).toEqual([403, []]);
    expect(stage.records).toMatchObject([
      {
        event: 'client-tunnel',
        allowed: false,
        reason: 'TCP connections are for programs, with a token or a password',
      },
    ]);
    stage.verdict = identity('token');
    expect(statusOf((await stage.user(head(22))).received)).toBe(101);
  });

  test('whose head is no WebSocket ends with its channel', async () => {
    const user = await stage.user(head(22).replace('IPzDYSW5ClWCGSAl2iQBNQ==', 'short'));
    expect([statusOf(user.received), user.closed, device()?.error]).toEqual([400, true, 5]);
  });
});
