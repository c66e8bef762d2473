import { beforeEach, describe, expect, test } from 'vitest';
import { refusals } from '../refusals/catalogue.ts';
import { ForwardingStage, identity, requestHead } from '../testing/forwarding-stage.ts';

let stage: ForwardingStage;
beforeEach(() => {
  stage = new ForwardingStage();
});

const statusOf = (received: string) => Number(received.split(' ')[1]);
const bodyOf = (received: string) => received.slice(received.indexOf('\r\n\r\n') + 4);
const page = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage';

const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'] as const;
const webSocket = requestHead('GET / HTTP/1.1', ...upgrade, 'Sec-WebSocket-Version: 13');
const clientTunnel = (port: unknown, ...more: readonly string[]) =>
  requestHead(
    'GET / HTTP/1.1',
    ...upgrade,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: IPzDYSW5ClWCGSAl2iQBNQ==',
    'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
    `X-WebTunnel-RemotePort: ${port}`,
    ...more,
  );
const connect = (...fields: readonly string[]) =>
  ['CONNECT dev1.r.example:22 HTTP/1.1', 'Host: dev1.r.example:22', ...fields, '', ''].join('\r\n');
const basic = `Basic ${Buffer.from('mallory:x').toString('base64')}`;

const alice = { user: 'alice', by: 'password', address: '192.0.2.1' };

/** What each kind of arrival is called in the audit log: before the device is located, and from then on. */
const kinds = [
  ['a request', requestHead(), 'request', 'request'],
  ['a WebSocket', webSocket, 'upgrade', 'upgrade'],
  ['a client tunnel', clientTunnel(22), 'upgrade', 'client-tunnel'],
  ['CONNECT', connect(`Proxy-Authorization: ${basic}`), 'client-tunnel', 'client-tunnel'],
] as const;

describe.each(kinds)('%s', (_title, bytes, deciding, forwarding) => {
  test('reaches the device', async () => {
    await stage.user(bytes);
    const port = forwarding === 'client-tunnel' ? 22 : 80;
    expect(stage.tunnel.ends.map(({ channel }) => channel.port)).toEqual([port]);
    expect(stage.records).toEqual([{ event: forwarding, allowed: true, ...alice, device: 'dev1', port }]);
    expect(stage.authenticated).toHaveLength(1);
  });

  test('is let in by what was known before it was decided', async () => {
    await stage.user(bytes);
    const opened = forwarding === 'client-tunnel' ? { port: 22, web: false } : { port: 80, web: true };
    expect(stage.admitted[0]).toMatchObject({
      holder: { kind: 'user', device: { id: 'dev1' }, opened },
      since: 7,
    });
    const [access] = stage.access;
    expect(access?.since).toBeGreaterThan(7);
    expect(access?.holder).toMatchObject({ kind: 'user', identity: { user: { name: 'alice' } }, opened });
  });

  test('of nobody is asked to log in', async () => {
    stage.verdict = { denied: 'refused' };
    const user = await stage.user(bytes);
    expect(statusOf(user.received)).toBe(forwarding === deciding && deciding === 'client-tunnel' ? 407 : 401);
    expect(bodyOf(user.received)).toBe('Please log in\n');
    expect(stage.records).toMatchObject([{ event: deciding, allowed: false, address: '192.0.2.1' }]);
    expect(stage.records[0]).toMatchObject({ by: undefined, reason: 'Please log in' });
    expect([stage.tunnel.ends, stage.authenticated]).toEqual([[], []]);
  });

  test('by credentials for the own host is refused, before it is known whether there is such a device', async () => {
    stage.verdict = identity(null, { only: 'own' });
    const user = await stage.user(bytes.replaceAll('dev1', 'dev2'));
    expect(statusOf(user.received)).toBe(403);
    const reason = refusals.forOwnHost.error;
    expect(stage.records).toEqual([{ event: deciding, allowed: false, ...alice, device: undefined, reason }]);
  });

  test('to a device that the user does not see is one to an unknown device', async () => {
    const user = await stage.user(bytes.replaceAll('dev1', 'dev2'));
    expect(statusOf(user.received)).toBe(404);
    expect(stage.records).toMatchObject([{ event: deciding, allowed: false, ...alice, device: undefined }]);
  });

  test('to a device off line says so', async () => {
    stage.online = false;
    const user = await stage.user(bytes);
    expect(statusOf(user.received)).toBe(503);
    const reason = refusals.offline('dev1').error;
    expect(stage.records).toEqual([{ event: deciding, allowed: false, ...alice, device: 'dev1', reason }]);
    expect(stage.authenticated).toEqual([]);
  });

  test('to a port that is not granted is refused', async () => {
    stage.ports = [8080];
    const user = await stage.user(bytes);
    const port = forwarding === 'client-tunnel' ? 22 : 80;
    const reason = refusals.notGranted({ port, granted: [8080] }).error;
    expect([statusOf(user.received), bodyOf(user.received)]).toEqual([403, `${reason}\n`]);
    expect(stage.records).toMatchObject([
      { event: forwarding, allowed: false, ...alice, device: 'dev1', reason },
    ]);
    expect([stage.tunnel.ends, stage.admitted]).toEqual([[], []]);
  });

  test('of a user who has lost access meanwhile is refused', async () => {
    stage.keepsAccess = () => false;
    const user = await stage.user(bytes);
    expect(statusOf(user.received)).toBe(bytes.startsWith('CONNECT') ? 407 : 401);
    expect(stage.records).toMatchObject([{ event: forwarding, allowed: false, ...alice, device: 'dev1' }]);
    expect(stage.tunnel.ends).toEqual([]);
  });

  test('counts as one that the user has under way, in all and with this device', async () => {
    for (const [limit, refusal] of [
      ['exchangesPerUser', refusals.tooMuchUnderWay],
      ['exchangesPerDevice', refusals.tooMuchAtDevice],
    ] as const) {
      stage = new ForwardingStage({ [limit]: 1 });
      const first = await stage.user(bytes);
      const second = await stage.user(bytes);
      expect([statusOf(second.received), bodyOf(second.received)]).toEqual([429, `${refusal.error}\n`]);
      expect(stage.records.at(-1)).toEqual({
        event: forwarding,
        allowed: false,
        ...alice,
        device: 'dev1',
        reason: refusal.error,
      });
      expect(stage.tunnel.ends).toHaveLength(1);
      first.end.destroy();
      await stage.idle();
      await stage.user(bytes);
      expect(stage.tunnel.ends).toHaveLength(2);
    }
  });

  test('that is refused at this device takes no place of the user elsewhere', async () => {
    stage = new ForwardingStage({ exchangesPerUser: 2, exchangesPerDevice: 1 });
    await stage.user(bytes);
    for (let i = 0; i < 3; i++) {
      expect(bodyOf((await stage.user(bytes)).received)).toBe(`${refusals.tooMuchAtDevice.error}\n`);
    }
  });

  test('whose user has gone while it was decided comes to nothing', async () => {
    const user = await stage.user();
    Object.defineProperty(stage, 'online', {
      get: () => {
        user.end.destroy();
        return true;
      },
    });
    await stage.send(user, bytes);
    // The stream of a user who has gone is closed a turn of the loop later, as a socket is.
    expect(stage.access.size).toBe(0);
  });
});

test('what has ended has its traffic in the audit log, and no access that could end', async () => {
  const user = await stage.user(requestHead('PUT / HTTP/1.1', 'Content-Length: 3'));
  expect(stage.access.size).toBe(1);
  await stage.send(user, 'abc');
  await stage.answer(page);
  expect([stage.access.size, stage.carried]).toEqual([0, [{ bytesFrom: 4, bytesTo: 3 }]]);
});

test('the name that refused credentials claim is in the audit log', async () => {
  stage.verdict = { denied: 'refused' };
  await stage.user(requestHead('GET / HTTP/1.1', `Authorization: ${basic}`));
  await stage.user(connect(`Proxy-Authorization: ${basic}`));
  await stage.user(connect('Proxy-Authorization: nonsense'));
  expect(stage.records.map(({ user, device }) => [user, device])).toEqual([
    ['mallory', 'dev1'],
    ['mallory', undefined],
    [undefined, undefined],
  ]);
});

test('CONNECT without credentials asks for them, which is no event', async () => {
  const user = await stage.user(connect());
  expect([statusOf(user.received), stage.records]).toEqual([407, []]);
  expect(user.received).toContain('Proxy-Authenticate: Basic realm="Reflector"');
});

describe('a browser that is not logged in', () => {
  const browser = 'User-Agent: Mozilla/5.0';
  beforeEach(() => {
    stage.verdict = { denied: 'refused' };
  });

  test('is led to the log-in when it opens a page', async () => {
    const user = await stage.user(requestHead('GET /page HTTP/1.1', browser, 'Accept: text/html'));
    expect(statusOf(user.received)).toBe(303);
    expect(user.received).toMatch(/\r\nLocation: https:\/\/r\.example\/my-devices\/open\?host=dev1&/);
  });

  test('learns that it has to open the device again when it asks for anything else', async () => {
    const user = await stage.user(requestHead('GET /data HTTP/1.1', browser));
    expect(statusOf(user.received)).toBe(401);
    expect(user.received).toContain('WWW-Authenticate: Bearer realm="Reflector"');
    const posted = await stage.user(
      requestHead('POST / HTTP/1.1', browser, 'Accept: text/html', 'Content-Length: 0'),
    );
    expect(posted.received).toContain('Open the device again, and log in.');
  });

  test('is let in by other proofs no more than any program', async () => {
    stage.verdict = { denied: 'busy' };
    const user = await stage.user(requestHead('GET / HTTP/1.1', browser, 'Accept: text/html'));
    expect(statusOf(user.received)).toBe(503);
  });
});

describe('the web interface', () => {
  test('of a device that has none', async () => {
    stage.properties = {};
    const user = await stage.user(requestHead());
    expect(statusOf(user.received)).toBe(502);
    expect(user.received).toContain('X-PTTH-Error: The device "dev1" forwards no web interface\r\n');
    expect(stage.records).toMatchObject([{ event: 'request', allowed: false, device: 'dev1' }]);
  });

  test('is that of the port in the name, and connections to it are shared by name', async () => {
    const user = await stage.user(requestHead().replace('dev1', 'dev1-22'));
    await stage.answer(page);
    expect(bodyOf(user.received)).toBe('page');
    await stage.user(requestHead());
    expect(stage.tunnel.ends.map(({ channel }) => channel.port)).toEqual([22, 80]);
    // The first one is idle.
    await stage.user(requestHead().replace('dev1', 'dev1-22'));
    expect(stage.tunnel.ends).toHaveLength(2);
    expect(stage.records.map(({ port }) => port)).toEqual([22, 80, 22]);
  });

  test('gets credentials that are not for the reflector, from a user who has a session', async () => {
    stage.verdict = identity('device');
    await stage.user(requestHead('GET / HTTP/1.1', 'Authorization: Bearer theirs'));
    await stage.user(requestHead('GET / HTTP/1.1', 'Authorization: Bearer ours'));
    const [theirs, ours] = stage.tunnel.ends;
    expect(theirs?.received).toContain('\r\nAuthorization: Bearer theirs\r\n');
    expect(ours?.received).not.toContain('Authorization');
  });

  test('is asked as its settings have it', async () => {
    stage.properties = { ...stage.properties, services: '' };
    stage.origin = { protocol: 'http', forwardedFor: '198.51.100.7, 192.0.2.1' };
    await stage.user(requestHead());
    const received = stage.tunnel.ends[0]?.received;
    expect(received).toContain('\r\nX-Forwarded-For: 198.51.100.7, 192.0.2.1\r\nX-Forwarded-Proto: http\r\n');
  });

  test('on a host that devices share gets no credentials, and its cookies are for all of it', async () => {
    const shared = (line: string, ...fields: readonly string[]) =>
      requestHead(line, 'Cookie: __Host-rm-device-session=good.dev1', ...fields).replace(
        'Host: dev1',
        'Host: view',
      );
    const user = await stage.user(shared('GET / HTTP/1.1', 'Authorization: Bearer theirs'));
    expect(stage.tunnel.ends[0]?.received).not.toContain('Authorization');
    await stage.answer('HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/x\r\nContent-Length: 0\r\n\r\n');
    expect(user.received).toContain('\r\nSet-Cookie: a=b; Path=/\r\n');
    const own = await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/x\r\nContent-Length: 0\r\n\r\n');
    expect(own.received).toContain('\r\nSet-Cookie: a=b; Path=/x\r\n');
    const nobody = await stage.user(shared('GET / HTTP/1.1').replace('good', 'bad'));
    expect(statusOf(nobody.received)).toBe(401);
    expect(stage.records.at(-1)).toMatchObject({ allowed: false, device: undefined });
  });

  test('that refuses what comes through a proxy is in the log, once', async () => {
    await stage.user(requestHead());
    await stage.answer('HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n');
    await stage.user(requestHead());
    await stage.answer('HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n');
    expect(stage.logged).toMatchObject([{ level: 30, device: 'dev1', port: 80, status: 400 }]);
    expect(stage.logged[0]?.msg).toContain('services[].host');
  });

  test('that refuses another origin is in the log', async () => {
    await stage.user(requestHead());
    await stage.answer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await stage.user(requestHead('GET / HTTP/1.1', 'Origin: https://dev1.r.example'));
    await stage.answer('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n');
    expect(stage.logged).toMatchObject([{ status: 403 }]);
  });

  test('that leads to an address of a private network is in the log', async () => {
    await stage.user(requestHead('GET /a HTTP/1.1'));
    await stage.answer(
      'HTTP/1.1 302 Found\r\nLocation: http://10.1.2.3/b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    expect(stage.logged).toMatchObject([{ level: 30, device: 'dev1', port: 80 }]);
    expect(stage.logged[0]?.msg).toContain('10.1.2.3');
  });
});
