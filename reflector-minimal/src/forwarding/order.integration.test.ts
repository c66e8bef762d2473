import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { hashPassword } from '../passwords/scrypt.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { RawUser } from '../testing/raw-user.ts';
import { device, extensions, Stage, user } from '../testing/stage.ts';
import { until } from '../testing/until.ts';

/*
 * The order in which a request is checked. It decides what a stranger can find out. Each table lists the faults of one
 * kind of request, and every combination of them is sent in one request: the answer is that of the fault that stands
 * first in the table.
 */

interface Draft {
  method: string;
  target: string;
  /** Of `Host`. */
  host: string;
  user: string;
  /** Header lines by which a user is known. */
  credentials: (user: string, host: string) => string[];
  lines: string[];
  body: string;
}

interface Fault {
  /** Two faults of one kind cannot be in one request. */
  readonly kind: string;
  readonly name: string;
  readonly change: (draft: Draft) => void;
  /** Status, and the beginning of `X-PTTH-Error`, of `Location`, or of the body. */
  readonly answer: string;
  /** Beside these it is no fault. */
  readonly notWith?: readonly string[];
}

const ownHost = 'localhost';
const sharedHost = 'view.example';
let stage: Stage;
let webPort: number;
/** Sessions of browsers by user: as `Cookie` for the own host, for the hosts of devices, for the shared host. */
const cookies = new Map<string, { own: string; device: Map<string, string>; shared: Map<string, string> }>();
const held: RawUser[] = [];
const devices = [device.id, 'dev1-22', 'dev1-81', 'nodev', 'offline', 'bare'];

const basic = (name: string) => `Basic ${Buffer.from(`${name}:${user.password}`).toString('base64')}`;

beforeAll(async () => {
  stage = await Stage.open({
    cookieHost: sharedHost,
    // It has the answer to every request that it is asked about, and comes behind all checks.
    responseCache: {
      use({ target, port }) {
        const answer = {
          status: 200,
          reason: 'OK',
          headers: ['Content-Length', '2'],
          body: [Buffer.from('ok')],
        };
        const nothing = { instead: null, added: [] };
        const stored = target === '/hold' || port === 22 ? null : answer;
        return { stored, added: [], answered: () => nothing, body() {}, whole() {}, closed() {} };
      },
    },
    limits: {
      exchangesPerUser: 12,
      exchangesPerDevice: 8,
      formBytes: 40,
      headLines: 30,
      // What is held is to outlast the test, however slow the machine.
      responseMs: 3600_000,
      userStallMs: 3600_000,
    },
  });
  const { store } = stage.reflector;
  const hash = await hashPassword(user.password);
  for (const name of ['full', 'here']) await store.users.add(name, hash, 0, 'administrator');
  await store.users.add('blind', hash, 0, 'user');
  for (const id of ['offline', 'bare', 'other']) await stage.addDevice(id);
  let holding = 0;
  const serve: RequestListener = (request, response) => {
    if (request.url === '/hold') holding++;
    else response.end('ok');
  };
  webPort = (await stage.web(serve)).port;
  await stage.web(serve, { id: 'other', extensions });
  await stage.agent({ id: 'bare' });
  const hold = (name: string, id: string, times: number) => {
    for (let n = 0; n < times; n++) {
      const one = new RawUser(stage.port);
      held.push(one);
      one.send(`GET /hold HTTP/1.1\r\nHost: ${id}.localhost\r\nAuthorization: ${basic(name)}\r\n\r\n`);
    }
  };
  hold('here', device.id, 8);
  hold('full', device.id, 6);
  hold('full', 'other', 6);
  // One that is asked before all are under way would wait for a connection behind them. A user has six to a port.
  await vi.waitUntil(() => holding === 18, { timeout: 240_000 });
  for (const fault of [tooMuch, tooMuchHere]) {
    const draft = request(`${device.id}.localhost`);
    fault.change(draft);
    await vi.waitUntil(async () => (await send(draft)).startsWith(fault.answer), { timeout: 240_000 });
  }
  for (const name of [user.name, 'full', 'here', 'blind']) {
    const [first, second] = [
      await BrowserSession.open(stage, undefined, name),
      await BrowserSession.open(stage, undefined, name),
    ];
    cookies.set(name, {
      own: first.ownCookie,
      device: new Map(
        await Promise.all(devices.map(async (label) => [label, await first.deviceCookie(label)] as const)),
      ),
      shared: new Map(
        await Promise.all(
          devices.map(
            async (label) => [label, `${await second.deviceCookie(`*${label}`)}.${label}`] as const,
          ),
        ),
      ),
    });
  }
}, 240_000);
afterAll(async () => {
  for (const one of held) one.destroy();
  await stage.close();
});

/** What the user is told, in one line. */
async function send({ method, target, host, user, lines, credentials, body }: Draft): Promise<string> {
  const one = new RawUser(stage.port);
  const head = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...credentials(user, host), ...lines];
  if (body !== '') head.push(`Content-Length: ${body.length}`);
  one.send(`${head.join('\r\n')}\r\n\r\n${body}`);
  await new Promise<void>((resolve) => {
    one.socket.once('close', resolve);
    one.socket.on('data', () => {
      if (one.received.includes('\r\n\r\n')) resolve();
    });
  });
  one.destroy();
  const [answer = '', text = ''] = one.received.split('\r\n\r\n');
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(answer)?.[1];
  return `${answer.slice(9, 12)} ${field('X-PTTH-Error') ?? field('Location') ?? text}`.trim();
}

/** Every combination of at most one fault of each kind, each in the order of the table. */
function combinations(faults: readonly Fault[]): Fault[][] {
  let all: Fault[][] = [[]];
  for (const kind of new Set(faults.map((fault) => fault.kind))) {
    const choices = faults.filter((fault) => fault.kind === kind);
    all = all.flatMap((chosen) => [chosen, ...choices.map((choice) => [...chosen, choice])]);
  }
  return all.map((chosen) => faults.filter((fault) => chosen.includes(fault)));
}

/** `good`: the answer without a fault. */
function inThisOrder(title: string, draft: () => Draft, faults: readonly Fault[], good: string): void {
  test(title, { timeout: 600_000 }, async () => {
    const wrong: string[] = [];
    const left = combinations(faults);
    const sendOneByOne = async () => {
      for (let chosen = left.pop(); chosen; chosen = left.pop()) {
        const sent = draft();
        for (const { change } of chosen) change(sent);
        const names = chosen.map(({ name }) => name);
        const first = chosen.find(({ notWith = [] }) => !notWith.some((name) => names.includes(name)));
        const expected = first?.answer ?? good;
        const answer = await send(sent);
        if (!answer.startsWith(expected)) wrong.push(`${names.join(' + ')}: ${answer}, not ${expected}`);
      }
    };
    // Fewer than one user may have under way.
    await Promise.all([1, 2, 3, 4, 5, 6].map(sendOneByOne));
    expect(wrong).toEqual([]);
  });
}

// --- requests without a fault ---

const byPassword = (name: string) => [`Authorization: ${basic(name)}`];

function request(
  host: string,
  lines: readonly string[] = [],
  credentials: Draft['credentials'] = byPassword,
): Draft {
  const { name } = user;
  return { method: 'GET', target: '/', host, user: name, credentials, lines: [...lines], body: '' };
}

const ofDevice = () => request(`${device.id}.localhost`);

const webSocket = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const clientTunnel = () => [
  ...webSocket,
  'Sec-WebSocket-Protocol: com.appinf.webtunnel.client/1.0',
  `X-WebTunnel-RemotePort: ${webPort}`,
];

const page = ['User-Agent: Mozilla/5.0', 'Accept: text/html'];
const picture = ['User-Agent: Mozilla/5.0', 'Accept: image/*'];
const ownCookie = (name: string) => [`Cookie: ${cookies.get(name)?.own}`];
const deviceCookie = (name: string, host: string) => [
  `Cookie: ${cookies.get(name)?.device.get(host.split('.', 1)[0] ?? '')}`,
];

function form(target: string, body: string, credentials: Draft['credentials']): Draft {
  const lines = [`Origin: http://${ownHost}`, 'Content-Type: application/x-www-form-urlencoded'];
  return { ...request(ownHost, lines, credentials), method: 'POST', target, body };
}

// --- faults ---

const line =
  (...lines: string[]) =>
  (draft: Draft) => {
    draft.lines.push(...lines);
  };
const replace = (pattern: RegExp, by: string) => (draft: Draft) => {
  draft.lines = draft.lines.map((text) => text.replace(pattern, by));
};
const host = (name: string) => (draft: Draft) => {
  draft.host = name;
};
const label = (id: string) => host(`${id}.localhost`);
const target = (text: string) => (draft: Draft) => {
  draft.target = text;
};
const as = (name: string) => (draft: Draft) => {
  draft.user = name;
};
const credentials =
  (...lines: string[]) =>
  (draft: Draft) => {
    draft.credentials = () => lines;
  };

const twice: Fault = {
  kind: 'twice',
  name: 'a header twice',
  change: line('X-PTTH-Authorization: a', 'X-PTTH-Authorization: b'),
  answer: '400 More than one x-ptth-authorization header',
};
const withBody: Fault = {
  kind: 'body',
  name: 'a body',
  change: (draft) => {
    draft.body = 'abc';
  },
  answer: '501 An upgrade with a body',
};
const lostUpgrade: Fault = {
  kind: 'upgrade',
  name: 'a lost upgrade',
  change: line('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='),
  answer: '426 A WebSocket came without its upgrade',
};
const unknownHost: Fault = {
  kind: 'host',
  name: 'an unknown host',
  change: host('other.example'),
  answer: '404 There is no such host',
};
const atOwnHost: Fault = {
  kind: 'host',
  name: 'the own host',
  change: host(ownHost),
  answer: '404 There is no such host',
};
const reservedPath: Fault = {
  kind: 'target',
  name: 'a path of the reflector',
  change: target('/.rm-reflector/nothing'),
  answer: '404 There is nothing here',
};
const noCredentials: Fault = {
  kind: 'credentials',
  name: 'no credentials',
  change: credentials(),
  answer: '401 Please log in',
};
const wrongToken: Fault = {
  kind: 'credentials',
  name: 'a wrong token',
  change: credentials('Authorization: Bearer x.y.z'),
  answer: '401 Please log in',
};
const otherOrigin: Fault = {
  kind: 'origin',
  name: 'another origin',
  change: line('Origin: http://dev2.localhost'),
  answer: '403 A page of another host',
};
const notSeen: Fault = {
  kind: 'user',
  name: 'a device not seen',
  change: as('blind'),
  answer: '404 There is no device',
};
const unknownDevice: Fault = {
  kind: 'host',
  name: 'an unknown device',
  change: label('nodev'),
  answer: '404 There is no device',
};
const offLine: Fault = {
  kind: 'host',
  name: 'off line',
  change: label('offline'),
  answer: '503 The device "offline" is off line',
};
const noSuchPort: Fault = {
  kind: 'host',
  name: 'no such port',
  change: label('dev1-81'),
  answer: '403 The device does not forward port 81',
};
const tooMuch: Fault = {
  kind: 'user',
  name: 'too much',
  change: as('full'),
  answer: '429 You have too many connections open',
};
const tooMuchHere: Fault = {
  kind: 'user',
  name: 'too much here',
  change: as('here'),
  answer: '429 You have too many connections to this device',
  notWith: ['no web interface'],
};
const noWebInterface: Fault = {
  kind: 'host',
  name: 'no web interface',
  change: label('bare'),
  answer: '502 The device "bare" forwards no web interface',
};
const refusedByDevice: Fault = {
  kind: 'host',
  name: 'refused by the device',
  change: label('dev1-22'),
  answer: '403 The device does not forward port 22',
};

// --- the tables ---

inThisOrder(
  'the form of a request',
  ofDevice,
  [
    {
      kind: 'lines',
      name: 'too many lines',
      change: line(...Array.from({ length: 30 }, (_, n) => `X-${n}: 1`)),
      answer: '431 More than 30 header lines',
    },
    {
      kind: 'method',
      name: 'TRACE',
      change: (draft) => {
        draft.method = 'TRACE';
      },
      answer: '405 TRACE is not passed on',
    },
    twice,
    {
      kind: 'host',
      name: 'no host name',
      change: host('a b'),
      answer: '400 The Host header is not a host name',
    },
    {
      kind: 'target',
      name: 'a fragment',
      change: target('/#'),
      answer: '400 The request target has characters',
    },
    {
      kind: 'framing',
      name: 'an unknown transfer coding',
      change: line('Transfer-Encoding: gzip, chunked'),
      answer: '400 The only transfer coding known here is chunked',
    },
    {
      kind: 'connection',
      name: 'a host of this connection only',
      change: line('Connection: host'),
      answer: '400 Connection names host',
    },
    lostUpgrade,
    noCredentials,
  ],
  '200 ok',
);

const afterForm = [unknownHost, reservedPath];
const inPlace = [notSeen, unknownDevice, offLine, noSuchPort, tooMuch, tooMuchHere];

inThisOrder(
  'a request of a program',
  ofDevice,
  [
    twice,
    lostUpgrade,
    ...afterForm,
    noCredentials,
    wrongToken,
    otherOrigin,
    ...inPlace,
    noWebInterface,
    refusedByDevice,
  ],
  '200 ok',
);

inThisOrder(
  'a WebSocket of a program',
  () => request(`${device.id}.localhost`, webSocket),
  [
    twice,
    withBody,
    atOwnHost,
    ...afterForm,
    noCredentials,
    wrongToken,
    otherOrigin,
    ...inPlace,
    noWebInterface,
    refusedByDevice,
  ],
  '200 ok',
);

const remotePort = (port: string) => replace(/^(X-WebTunnel-RemotePort:).*/, `$1 ${port}`);
const noPort: Fault = {
  kind: 'port',
  name: 'no port',
  change: remotePort('x'),
  answer: '400 X-WebTunnel-RemotePort must be a port number',
};

inThisOrder(
  'a client tunnel of a program',
  () => request(`${device.id}.localhost`, clientTunnel()),
  [
    withBody,
    atOwnHost,
    ...afterForm,
    noCredentials,
    otherOrigin,
    ...inPlace,
    noPort,
    {
      kind: 'extension',
      name: 'an extension that cannot be read',
      change: line('X-WebTunnel-Extensions: max-frame=x'),
      answer: '400 ',
    },
    {
      kind: 'port',
      name: 'refused by the device',
      change: remotePort('22'),
      answer: '403 The device does not forward port 22',
    },
  ],
  '101',
);

inThisOrder(
  'a client tunnel of a browser',
  () => request(`${device.id}.localhost`, [...clientTunnel(), 'Origin: http://dev1.localhost'], deviceCookie),
  [
    ...afterForm,
    noCredentials,
    {
      ...otherOrigin,
      change: replace(/^(Origin:).*/, '$1 http://dev2.localhost'),
    },
    notSeen,
    tooMuch,
    tooMuchHere,
    { kind: 'always', name: 'a cookie', change: () => {}, answer: '403 TCP connections are for programs' },
    { ...noPort, answer: '403 TCP connections are for programs' },
  ],
  '403 TCP connections are for programs',
);

const connectTo = (name: string) => (draft: Draft) => {
  draft.target = draft.target.replace(/^[^:]*/, name);
};
const connectPort = (port: string) => (draft: Draft) => {
  draft.target = draft.target.replace(/:.*|$/, port);
};

inThisOrder(
  'a CONNECT',
  () => ({
    ...request('anything', [], (name) => [`Proxy-Authorization: ${basic(name)}`]),
    method: 'CONNECT',
    target: `${device.id}.localhost:${webPort}`,
  }),
  [
    twice,
    { kind: 'port', name: 'no port', change: connectPort(''), answer: '400 The target of CONNECT must be' },
    { ...withBody, answer: '400 CONNECT has no body' },
    { ...noCredentials, answer: '407 Please log in' },
    {
      ...noCredentials,
      name: 'credentials for the device',
      change: credentials(`Authorization: ${basic(user.name)}`),
      answer: '407 Please log in',
    },
    {
      ...wrongToken,
      change: credentials('Proxy-Authorization: Bearer x.y.z'),
      answer: '407 Please log in',
    },
    ...[ownHost, 'other.example', sharedHost].map((name) => ({
      kind: 'host',
      name,
      change: connectTo(name),
      answer: '403 CONNECT leads to ports of devices only',
    })),
    ...['nodev', 'dev1-81', 'dev1-22'].map((id) => ({
      kind: 'host',
      name: id,
      change: connectTo(`${id}.localhost`),
      answer: '404 There is no device',
    })),
    notSeen,
    { ...offLine, change: connectTo('offline.localhost') },
    tooMuch,
    tooMuchHere,
    {
      kind: 'port',
      name: 'refused by the device',
      change: connectPort(':22'),
      answer: '403 The device does not forward port 22',
    },
  ],
  '200',
);

for (const [what, lines, loggedOut] of [
  ['a page', page, '303 http://localhost/my-devices/open?host='],
  ['a picture', picture, '401 Please log in'],
] as const) {
  inThisOrder(
    `${what} of a device in a browser`,
    () => request(`${device.id}.localhost`, lines, deviceCookie),
    [
      twice,
      lostUpgrade,
      ...afterForm,
      { ...noCredentials, answer: loggedOut },
      { ...wrongToken, answer: what === 'a page' ? loggedOut : '401 Please log in' },
      otherOrigin,
      ...inPlace,
      noWebInterface,
      refusedByDevice,
    ],
    '200 ok',
  );

  const chosen = (id: string) => (draft: Draft) => {
    draft.credentials = (name) => [`Cookie: ${cookies.get(name)?.shared.get(id)}`];
  };
  inThisOrder(
    `${what} on the shared host in a browser`,
    () => {
      const draft = request(sharedHost, lines);
      chosen(device.id)(draft);
      return draft;
    },
    [
      { ...reservedPath },
      { ...noCredentials, answer: loggedOut.replace('host=', 'host=*') },
      {
        ...noCredentials,
        name: 'a password',
        change: credentials(`Authorization: ${basic(user.name)}`),
        answer: loggedOut.replace('host=', 'host=*'),
      },
      otherOrigin,
      {
        kind: 'worker',
        name: 'a service worker',
        change: line('Service-Worker: script'),
        answer: '403 Service workers are not possible',
      },
      notSeen,
      ...[unknownDevice, offLine, noSuchPort].map((fault) => ({
        ...fault,
        kind: 'credentials',
        change: chosen({ 'an unknown device': 'nodev', 'off line': 'offline' }[fault.name] ?? 'dev1-81'),
      })),
      tooMuch,
      tooMuchHere,
      { ...noWebInterface, kind: 'credentials', change: chosen('bare') },
      { ...refusedByDevice, kind: 'credentials', change: chosen('dev1-22') },
    ],
    '200 ok',
  );
}

inThisOrder(
  'a request of a program to the own host',
  () => request(ownHost),
  [
    twice,
    lostUpgrade,
    noCredentials,
    wrongToken,
    otherOrigin,
    tooMuch,
    {
      kind: 'method',
      name: 'another method',
      change: (draft) => {
        draft.method = 'DELETE';
      },
      answer: '404 There is nothing here',
    },
    {
      kind: 'target',
      name: 'nothing there',
      change: target('/nothing'),
      answer: '404 There is nothing here',
    },
    { kind: 'target', name: 'no limit', change: target('/?limit=0'), answer: '400 limit must be' },
    {
      kind: 'target',
      name: 'no limit of the list',
      change: target('/my-devices/api/devices?limit=0'),
      answer: '400 limit must be',
    },
    {
      kind: 'target',
      name: 'an unknown device',
      change: target('/my-devices/api/devices/nodev'),
      answer: '404 There is no device',
    },
  ],
  '200 <!DOCTYPE html>',
);

inThisOrder(
  'a page of the own host in a browser',
  () => request(ownHost, page, ownCookie),
  [
    twice,
    { kind: 'host', name: 'its other name', change: host(`www.${ownHost}`), answer: '303 http://localhost/' },
    { ...noCredentials, answer: '303 /log-in?next=' },
    { ...wrongToken, answer: '303 /log-in?next=' },
    otherOrigin,
    tooMuch,
    {
      kind: 'target',
      name: 'nothing there',
      change: target('/nothing'),
      answer: '404 There is nothing here',
    },
  ],
  '200 <!DOCTYPE html>',
);

test.each([
  ['/healthz', '200 {"status":"ok"}'],
  ['/my-devices/health.json', '200 {"status":"ok"}'],
  ['/log-in', '200 <!DOCTYPE html>'],
])('%s is for everybody, from anywhere', async (path, answer) => {
  for (const fault of [noCredentials, wrongToken, tooMuch]) {
    const draft = request(ownHost);
    draft.target = path;
    fault.change(draft);
    otherOrigin.change(draft);
    expect((await send(draft)).startsWith(answer)).toBe(true);
  }
});

const fromOtherOrigin: Fault = {
  ...otherOrigin,
  change: replace(/^(Origin:).*/, '$1 http://dev1.localhost'),
};
const noForm: Fault = {
  kind: 'type',
  name: 'no form',
  change: replace(/^(Content-Type:).*/, '$1 text/plain'),
  answer: '415 the body must be',
};
const tooLong: Fault = {
  kind: 'body',
  name: 'too long',
  change: (draft) => {
    draft.body = 'x'.repeat(41);
  },
  answer: '413 the body must be at most 40 bytes',
};

inThisOrder(
  'the form of the log-in',
  () => form('/log-in', `name=${user.name}&password=${user.password}`, () => []),
  [twice, fromOtherOrigin, noForm, tooLong],
  '303 http://localhost/',
);

for (const path of ['/log-in/code', '/log-out', '/account/end', '/account/password', '/account/totp']) {
  inThisOrder(
    `the form ${path} without a session`,
    () => form(path, 'x=1', () => []),
    [fromOtherOrigin, noForm, tooLong],
    { '/log-in/code': '403', '/log-out': '303 /log-in' }[path] ?? '401 Please log in',
  );
}

inThisOrder(
  'a request for a token',
  () => form('/my-devices/api/token', `username=${user.name}&password=${user.password}`, () => []),
  [
    twice,
    {
      kind: 'method',
      name: 'another method',
      change: (draft) => {
        draft.method = 'PUT';
      },
      answer: '405 only POST and DELETE are allowed here',
    },
    noForm,
    tooLong,
  ],
  '200 {"token"',
);

inThisOrder(
  'the form that chooses a device',
  () => form('/my-devices/choose', `device=${device.id}`, ownCookie),
  [
    twice,
    noCredentials,
    wrongToken,
    fromOtherOrigin,
    tooMuch,
    {
      ...noCredentials,
      name: 'a password',
      change: (draft) => {
        draft.credentials = byPassword;
      },
      answer: '401 Please log in',
    },
    noForm,
    tooLong,
    {
      kind: 'body',
      name: 'an unknown device',
      change: (draft) => {
        draft.body = 'device=nodev';
      },
      answer: '404 There is no device',
    },
    notSeen,
  ],
  '303 http://view.example/.rm-reflector/change?',
);

const openTarget = (id: string, nonce = 'n'.repeat(22)) => `/my-devices/open?host=${id}&nonce=${nonce}`;

inThisOrder(
  'the request for the session of a device',
  () => ({ ...request(ownHost, picture, ownCookie), target: openTarget(device.id) }),
  [
    noCredentials,
    otherOrigin,
    tooMuch,
    {
      kind: 'target',
      name: 'no nonce',
      change: target(openTarget('nodev', '')),
      answer: '403 This way to the device is not good any more',
    },
    {
      kind: 'target',
      name: 'an unknown device',
      change: target(openTarget('nodev')),
      answer: '404 There is no device',
    },
    notSeen,
  ],
  '303 http://dev1.localhost/.rm-reflector/session?',
);

test('while it stops, a well-formed request is told so before anything else', async () => {
  const stopping = await Stage.open({ limits: { shutdownMs: 3600_000 } });
  let waiting = false;
  await stopping.web(() => {
    waiting = true;
  });
  const users: RawUser[] = [];
  const begin = (text: string) => {
    const one = new RawUser(stopping.port);
    users.push(one);
    one.send(text);
    return one;
  };
  const holding = begin(
    `GET / HTTP/1.1\r\nHost: ${device.id}.localhost\r\nAuthorization: ${basic(user.name)}\r\n\r\n`,
  );
  await until(() => waiting);
  const rows = [
    ['GET / HTTP/1.1\r\nHost: other.example\r\n', '503'],
    ['GET / HTTP/1.1\r\nHost: dev1.localhost\r\nSec-WebSocket-Key: x\r\n', '503'],
    ['GET /healthz HTTP/1.1\r\nHost: localhost\r\n', '503'],
    ['GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n', '400'],
    [`GET / HTTP/1.1\r\nHost: other.example\r\n${webSocket.join('\r\n')}\r\n`, '503'],
    ['CONNECT other.example:1 HTTP/1.1\r\nHost: a\r\n', '503'],
    ['CONNECT other.example HTTP/1.1\r\nHost: a\r\n', '400'],
  ] as const;
  const begun = rows.map(([head]) => begin(head));
  // All heads have begun to be read once a later request has its answer.
  const last = begin('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => last.received.includes('ok'));
  const closed = stopping.close();
  for (const one of begun) one.send('\r\n');
  await until(() => begun.every((one) => one.received !== '' || one.closed));
  expect(begun.map((one) => one.received.slice(9, 12))).toEqual(rows.map(([, status]) => status));
  holding.destroy();
  for (const one of users) one.destroy();
  await closed;
});
