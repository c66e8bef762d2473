import { base64Encode, utf8Decode } from 'rm-protocol';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ascii } from '../../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../../simulation/agent-host.ts';
import { LocalService } from '../../../simulation/local-service.ts';
import { gatewayImport } from '../../config/import-gateway.ts';
import { gatewayLimits } from '../../config/limits.ts';
import type { Socket } from '../../host.ts';
import { Gateway } from '../gateway.ts';
import { readGatewayFile } from '../gateway-file.ts';
import { pageLimits } from './limits.ts';
import { base32Decode, codeOf, stepAt } from './one-time-code.ts';
import { Page } from './page.ts';

const folder = '/etc/rm-gateway.d';
const accountFile = '/var/lib/rm-agent.state-page';
const password = 'correct horse battery';

let host: AgentHost;
let gateway: Gateway;
let page: Page;

beforeEach(() => {
  host = new AgentHost();
  host.files.directories.add(folder);
  for (let n = 1; n < 10; n++) new LocalService(host.network, 80, `10.0.0.${n}`);
  const device = { id: 'page', domain: 'dom', password: 's3cret' };
  host.files.content.set(
    '/etc/g.json',
    ascii(JSON.stringify({ reflector: 'http://r.example/', gateway: { folder, page: { device } } })),
  );
  const settings = readGatewayFile(host, '/etc/g.json');
  if ('errors' in settings) throw new Error(settings.errors.join());
  gateway = new Gateway(host, settings, host.log);
  page = new Page(host, gateway, host.log, accountFile, () => gatewayImport, ['alice', 'Jörg'], 600);
  gateway.page = page;
  gateway.refresh();
  host.clock.advance(1000);
});

/** The gateway ends and starts again. */
function restart(): void {
  page = new Page(host, gateway, host.log, accountFile, () => gatewayImport, ['alice', 'Jörg'], 600);
}

/** A connection to the page, as the tunnel makes it. */
class Visit {
  text = '';
  closed: string | null = null;
  #socket: Socket | null = null;

  constructor() {
    page.dial({
      connected: (socket) => {
        this.#socket = socket;
      },
      data: (bytes, start, end) => {
        this.text += utf8Decode(bytes, start, end);
      },
      taken: () => undefined,
      ended: () => undefined,
      closed: (error) => {
        this.closed = error?.message ?? '';
      },
    });
    host.clock.advance(1);
  }

  pause(): void {
    this.#socket?.pause();
  }

  send(text: string): void {
    this.#socket?.write(ascii(text));
    host.clock.advance(2000);
  }

  end(): void {
    this.#socket?.end();
    host.clock.advance(1);
  }
}

interface Response {
  readonly status: number;
  readonly head: string;
  readonly json: Record<string, unknown>;
}

let cookie = '';
let proof = '';

beforeEach(() => {
  cookie = '';
  proof = '';
});

const fields = (): Record<string, string> => ({
  Host: 'page.r.example',
  Origin: 'http://page.r.example',
  'Content-Type': 'application/json',
  ...(cookie === '' ? {} : { Cookie: `rm-gateway=${cookie}`, 'X-RM-Proof': proof }),
});

function ask(
  target: string,
  body: unknown,
  given: Record<string, string | null> = {},
  method = 'POST',
): Visit {
  const visit = new Visit();
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const lines = Object.entries({ ...fields(), 'Content-Length': String(text.length), ...given })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  visit.send(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
  return visit;
}

function request(...given: Parameters<typeof ask>): Response {
  const visit = ask(...given);
  const [head = '', content = ''] = visit.text.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  visit.end();
  return { status, head, json: content.startsWith('{') ? JSON.parse(content) : {} };
}

const call = (name: string, body: unknown = {}, given: Record<string, string | null> = {}) =>
  request(`/api/${name}`, body, given);

function enter(name: string, body: object, given: Record<string, string> = {}): Response {
  const response = call(name, body, given);
  cookie = /^Set-Cookie: [\w-]+=([\w-]+);/m.exec(response.head)?.[1] ?? '';
  proof = String(response.json.proof);
  return response;
}

const setUp = () => enter('set-up', { code: page.account.setUpCode, password });

const camera = (id: string, target: string, more: object = {}) => ({
  target,
  device: { id, domain: 'dom', ...more },
  services: [{ port: 80 }],
});

describe('users of the reflector', () => {
  const as = (name: string, key = page.visitorKey) => ({ 'X-RM-Visitor': `${key} ${name}` });

  it('come in without a password if they are listed, and it is the reflector that says who asks', () => {
    expect(call('session', {}, as('alice')).json).toEqual({ proof: null, setUp: true, visitor: 'alice' });
    expect(call('session', {}, as('J%C3%B6rg')).json.visitor).toBe('Jörg');
    expect(enter('enter', {}, as('alice')).status).toBe(200);
    expect(call('devices', {}, as('alice')).status).toBe(200);
    // They know no password: attempts of strangers count for their browser, too.
    expect(call('enter', {}, as('alice')).head).not.toContain('rm-gateway-browser');
  });

  it.each([
    ['who is not listed', () => as('bob')],
    ['of whom only a part of the name is right', () => as('alice2')],
    ['whose name is no text', () => as('%C3')],
    ['with another key', () => as('alice', 'A'.repeat(43))],
    ['without a key', () => as('alice', '')],
    ['with more behind the name', () => as('alice x')],
    ['of whom nobody says anything', () => ({})],
  ])('are no others: %s', (_who, given) => {
    expect(call('session', {}, given()).json).toEqual({ proof: null, setUp: true });
    expect(enter('enter', {}, given()).status).toBe(401);
    expect(call('devices', {}, given()).status).toBe(401);
  });

  it('are not believed twice in one request', () => {
    const twice = `X-RM-Visitor: ${page.visitorKey} alice\r\n`;
    const visit = ask('/api/enter', {}, { 'X-RM-Visitor': `${page.visitorKey} alice\r\n${twice.trim()}` });
    expect(visit.text).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('lose their session when somebody else uses their browser', () => {
    enter('enter', {}, as('alice'));
    for (const given of [as('J%C3%B6rg'), as('bob'), {}]) expect(call('devices', {}, given).status).toBe(401);
    expect(call('devices', {}, as('alice')).status).toBe(200);
  });

  it('cannot change what the password protects', () => {
    setUp();
    enter('enter', {}, as('alice'));
    expect(call('password', { password: '', next: 'a new password' }, as('alice')).status).toBe(401);
    expect(call('codes-end', {}, as('alice')).status).toBe(401);
  });

  it('are asked of the reflector for the page alone, by a secret of this start', () => {
    const asked = () =>
      host.reflector.connections.flatMap(({ requests }) =>
        requests.map(({ headers }) => headers.get('x-rm-visitor-key') ?? null),
      );
    expect(asked()).toEqual([page.visitorKey]);
    expect(page.visitorKey).toMatch(/^[\w-]{43}$/);
    gateway.put('cam-1', camera('cam-1', '10.0.0.1'));
    host.clock.advance(5000);
    expect(asked()).toEqual([page.visitorKey, null]);
    const before = page.visitorKey;
    restart();
    expect(page.visitorKey).not.toBe(before);
    expect(new Page(host, gateway, host.log, accountFile, () => gatewayImport).visitorKey).toBe(null);
  });
});

describe('the account', () => {
  it('has its first password by the code of this start, once', () => {
    const code = page.account.setUpCode;
    expect(code).toMatch(/^[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}$/);
    expect(call('session').json).toEqual({ proof: null, setUp: true });
    expect(call('log-in', { password }).status).toBe(409);
    expect(call('set-up', { code: 'AAAA-AAAA-AAAA-AAAA', password }).status).toBe(401);
    expect(call('set-up', { code, password: 'short' }).status).toBe(403);
    expect(setUp().status).toBe(200);
    expect(page.account.setUpCode).toBe(null);
    expect(call('set-up', { code, password: 'another password' }, { Cookie: null }).status).toBe(409);
    expect(utf8Decode(host.files.read(accountFile, 1000))).not.toContain(password);
    cookie = '';
    expect(call('session').json).toEqual({ proof: null, setUp: false });
  });

  it('lets nobody in, and sets no password, while its file is broken', () => {
    const code = page.account.setUpCode;
    for (const broken of ['', '{}', '{"password":"plain"}', '[', '{"password":"pbkdf2-sha256$9$x$y"}']) {
      host.files.content.set(accountFile, ascii(broken));
      expect(call('log-in', { password: 'plain' }).status).toBe(500);
      expect(call('set-up', { code, password }).status).toBe(500);
    }
  });

  it('makes who tries wait, whatever is wrong, and then lets the right one in', () => {
    setUp();
    cookie = '';
    for (let n = 0; n < pageLimits.freeAttempts; n++)
      expect(call('log-in', { password: `wrong ${n}` }).json).toEqual({
        error: 'The password or the code is wrong.',
      });
    expect(call('log-in', { password: 'wrong' }).status).toBe(401);
    for (let n = 0; n < 20; n++) call('log-in', { password: 'wrong' });
    const refused = call('log-in', { password });
    expect(refused.status).toBe(429);
    expect(refused.json.error).toMatch(/^Too many wrong attempts: wait for \d+ s\.$/);
    host.clock.advance(pageLimits.longestWaitMs);
    expect(enter('log-in', { password }).status).toBe(200);
  });

  it('does not make who comes by the tunnel wait for what others try on the network', () => {
    const place = { address: '10.0.0.254', port: 8080, names: [] };
    page.listen(place, () => undefined);
    const onNetwork = (name: string, body: object) => {
      const text = JSON.stringify(body);
      let answer = '';
      const socket = host.network.connect(place, {
        connected: () => undefined,
        data: (bytes, start, end) => {
          answer += utf8Decode(bytes, start, end);
        },
        taken: () => undefined,
        ended: () => undefined,
        closed: () => undefined,
      });
      const head = [
        `POST /api/${name} HTTP/1.1`,
        'Host: 10.0.0.254:8080',
        'Origin: http://10.0.0.254:8080',
        'Content-Type: application/json',
        `Content-Length: ${text.length}`,
      ];
      host.clock.advance(10);
      socket.write(ascii(`${head.join('\r\n')}\r\n\r\n${text}`));
      host.clock.advance(1000);
      socket.destroy();
      return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
    };
    const lockedOut = (name: string, body: object) => {
      let status = 0;
      for (let n = 0; n < 20 && status !== 429; n++) status = onNetwork(name, body);
      return status;
    };
    expect(lockedOut('set-up', { code: 'AAAA-AAAA-AAAA-AAAA', password })).toBe(429);
    expect(setUp().status).toBe(200);
    cookie = '';
    expect(lockedOut('log-in', { password: 'wrong' })).toBe(429);
    expect(enter('log-in', { password }).status).toBe(200);
  });

  it('counts an attempt before it verifies the password', () => {
    setUp();
    cookie = '';
    for (let n = 1; n < pageLimits.freeAttempts; n++) call('log-in', { password: 'wrong' });
    const statuses: (number | null)[] = [];
    for (let n = 0; n < pageLimits.logIns; n++)
      page.account.verify({ way: 'tunnel', password: 'wrong', code: '', browser: '' }, (verdict) =>
        statuses.push(verdict?.status ?? null),
      );
    host.clock.advance(5000);
    expect(statuses).toEqual([429, 429, 429, 401]);
  });

  /** Tries wrong passwords until the next attempt has to wait for long. */
  function tryOften(given: Record<string, string> = {}): void {
    let wait = 0;
    while (wait < 30) {
      const { error } = call('log-in', { password: 'wrong' }, given).json;
      wait = Number(/wait for (\d+) s/.exec(String(error))?.[1] ?? 0);
    }
  }

  const knownBy = ({ head }: Response) =>
    /^Set-Cookie: (rm-gateway-browser=[\w.-]+); Path=\/; HttpOnly; SameSite=Strict; Max-Age=34560000\r?$/m.exec(
      head,
    )?.[1] ?? '';

  it('lets no stranger make a browser wait in which somebody has logged in', () => {
    const browser = { Cookie: knownBy(setUp()) };
    cookie = '';
    const other = { Cookie: knownBy(call('log-in', { password })) };
    tryOften();
    expect(call('log-in', { password }).status).toBe(429);
    const forged = { Cookie: browser.Cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) };
    expect(call('log-in', { password }, forged).status).toBe(429);
    expect(call('log-in', { password }, browser).status).toBe(200);
    restart();
    tryOften();
    expect(call('log-in', { password }, browser).status).toBe(200);
    tryOften(browser);
    expect(call('log-in', { password }, browser).status).toBe(429);
    expect(call('log-in', { password }, other).status).toBe(200);
  });

  it('keeps no attempts of more browsers than it may', () => {
    const browser = { Cookie: knownBy(setUp()) };
    cookie = '';
    tryOften(browser);
    expect(call('log-in', { password }, browser).status).toBe(429);
    for (let n = 0; n < pageLimits.browsers; n++) {
      const { Cookie } = { Cookie: knownBy(call('log-in', { password })) };
      call('log-in', { password: 'wrong' }, { Cookie });
    }
    expect(call('log-in', { password }, browser).status).toBe(200);
  });

  it('knows no browser any longer when its password changes, but that in which it was', () => {
    const browser = { Cookie: knownBy(setUp()) };
    const changing = { Cookie: knownBy(call('password', { password, next: 'another password' })) };
    cookie = '';
    tryOften();
    expect(call('log-in', { password: 'another password' }, browser).status).toBe(429);
    expect(call('log-in', { password: 'another password' }, changing).status).toBe(200);
  });

  it('verifies no more passwords at once than it may', () => {
    setUp();
    cookie = '';
    const statuses: (number | null)[] = [];
    for (let n = 0; n < pageLimits.logIns + 1; n++)
      page.account.verify({ way: 'tunnel', password, code: '', browser: '' }, (verdict) =>
        statuses.push(verdict?.status ?? null),
      );
    expect(statuses).toEqual([429]);
    host.clock.advance(5000);
    expect(statuses).toEqual([429, ...Array.from({ length: pageLimits.logIns }, () => null)]);
  });

  it('asks for one-time codes once one was confirmed, and takes each once', () => {
    setUp();
    const secret = base32Decode(String(call('codes-offer').json.secret));
    if (!secret) throw new Error('no secret');
    const code = (later = 0) => codeOf(host.crypto, secret, stepAt(host.clock.date()) + later);
    expect(call('codes-confirm', { code: code() }).status).toBe(401);
    expect(call('codes-confirm', { password: 'wrong', code: code() }).status).toBe(401);
    expect(call('codes-confirm', { password, code: '000000' }).status).toBe(401);
    expect(call('codes-confirm', { password, code: code() }).status).toBe(200);
    call('codes-offer');
    expect(call('codes-confirm', { password, code: code() }).status).toBe(409);
    cookie = '';
    expect(call('log-in', { password }).status).toBe(401);
    expect(call('log-in', { password, code: code() }).status).toBe(401);
    host.clock.advance(60_000);
    const now = code();
    expect(call('log-in', { password: 'wrong', code: now }).status).toBe(401);
    expect(enter('log-in', { password, code: now }).status).toBe(200);
    expect(call('log-in', { password, code: now }, { Cookie: null }).status).toBe(401);
    restart();
    expect(call('log-in', { password, code: now }, { Cookie: null }).status).toBe(401);
    host.clock.advance(60_000);
    enter('log-in', { password, code: code() });
    host.clock.advance(60_000);
    expect(call('codes-end', { password, code: code() }).status).toBe(200);
    cookie = '';
    expect(enter('log-in', { password }).status).toBe(200);
  });

  it('knows no browser and no other session any longer when codes begin or end', () => {
    const thief = { Cookie: knownBy(setUp()) };
    const session = { cookie, proof };
    enter('log-in', { password });
    const secret = base32Decode(String(call('codes-offer').json.secret));
    if (!secret) throw new Error('no secret');
    const code = () => codeOf(host.crypto, secret, stepAt(host.clock.date()));
    const owner = { Cookie: knownBy(call('codes-confirm', { password, code: code() })) };
    expect(call('devices').status).toBe(200);
    ({ cookie, proof } = session);
    expect(call('devices').status).toBe(401);
    cookie = '';
    tryOften();
    host.clock.advance(1_000);
    expect(call('log-in', { password, code: '' }, thief).status).toBe(429);
    expect(call('log-in', { password, code: '' }, owner).status).toBe(401);
  });

  it('lets in no code that it cannot remember', () => {
    setUp();
    const secret = base32Decode(String(call('codes-offer').json.secret));
    if (!secret) throw new Error('no secret');
    const code = () => codeOf(host.crypto, secret, stepAt(host.clock.date()));
    call('codes-confirm', { password, code: code() });
    host.clock.advance(60_000);
    host.files.full = true;
    expect(call('log-in', { password, code: code() }, { Cookie: null }).status).toBe(500);
  });

  it('ends all other sessions when its password changes', () => {
    setUp();
    const other = { cookie, proof };
    enter('log-in', { password });
    expect(call('password', { password: 'wrong', next: 'another password' }).status).toBe(401);
    expect(call('password', { password, next: 'another password' }).status).toBe(200);
    expect(call('devices').status).toBe(200);
    ({ cookie, proof } = other);
    expect(call('devices').status).toBe(401);
    cookie = '';
    expect(call('log-in', { password }).status).toBe(401);
    expect(call('log-in', { password: 'another password' }).status).toBe(200);
  });

  it('says so when it cannot be saved', () => {
    host.files.full = true;
    expect(setUp()).toMatchObject({
      status: 500,
      json: { error: 'The account cannot be saved: no space left.' },
    });
  });
});

describe('a request', () => {
  beforeEach(() => {
    setUp();
  });

  it.each<[string, Record<string, string | null>, number]>([
    ['of the page', {}, 200],
    ['of another site', { Origin: 'http://evil.example' }, 403],
    ['of another device of the reflector', { Origin: 'http://cam.r.example' }, 403],
    ['of a sandbox', { Origin: 'null' }, 403],
    ['without an origin', { Origin: null }, 403],
    ['that the browser calls foreign', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['of a form', { 'Content-Type': 'text/plain' }, 415],
    ['of a form with a file', { 'Content-Type': 'multipart/form-data; boundary=x' }, 415],
    ['without a session', { Cookie: null }, 401],
    ['with a session that is none', { Cookie: `rm-gateway=${'A'.repeat(43)}` }, 401],
    ['with two sessions', { Cookie: `rm-gateway=${'A'.repeat(43)}; rm-gateway=${'B'.repeat(43)}` }, 401],
    ['without its proof', { 'X-RM-Proof': null }, 401],
    ['with another proof', { 'X-RM-Proof': 'A'.repeat(43) }, 401],
  ])('%s is answered %j with %d', (_, given, status) => {
    expect(call('devices', {}, given).status).toBe(status);
  });

  // What is wrong first in the order of the checks is what is said.
  it('is judged in the order of the checks', () => {
    const all: Record<string, string | null> = {
      Origin: 'http://evil.example',
      'Content-Type': 'text/plain',
      Cookie: null,
    };
    const order: [string, string, number][] = [
      ['/api/nothing', 'PUT', 404],
      ['/api/devices', 'PUT', 405],
      ['/api/devices', 'POST', 403],
    ];
    for (const [target, method, status] of order)
      expect(request(target, '', all, method).status).toBe(status);
    const { Origin: _, ...withoutOrigin } = all;
    expect(call('devices', '[', withoutOrigin).status).toBe(415);
    expect(call('devices', '[', { Cookie: null }).status).toBe(401);
    expect(call('devices', '[').status).toBe(400);
    for (const body of ['', '[]', 'null', '"x"', '{"a":1,"a":2}', '{'.repeat(100)])
      expect(call('devices', body).status).toBe(400);
  });

  it('may bring more only with a session', () => {
    const body = (length: number) => `{"x":"${'x'.repeat(length)}"}`;
    expect(call('devices', body(pageLimits.logInBytes)).status).toBe(200);
    expect(call('log-in', body(pageLimits.logInBytes), { Cookie: null }).status).toBe(413);
    expect(call('devices', body(pageLimits.bodyBytes)).status).toBe(413);
  });

  it('gets a cookie that scripts and other sites do not, by TLS one that no other host can set', () => {
    const plain = call('log-in', { password }).head;
    expect(plain).toMatch(/^Set-Cookie: rm-gateway=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict\r?$/m);
    const secure = { 'X-Forwarded-Proto': 'https', Origin: 'https://page.r.example' };
    const head = call('log-in', { password }, secure).head;
    expect(head).toMatch(
      /^Set-Cookie: __Host-rm-gateway=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure\r?$/m,
    );
    expect(call('devices', {}, secure).status).toBe(401);
  });

  it('finds no session that has ended', () => {
    host.clock.advance(pageLimits.sessionIdleMs);
    expect(call('devices').status).toBe(401);
    enter('log-in', { password });
    expect(call('log-out').status).toBe(200);
    expect(call('devices').status).toBe(401);
    enter('log-in', { password });
    for (let ms = 0; ms < pageLimits.sessionMs; ms += pageLimits.sessionIdleMs / 2) {
      call('devices');
      host.clock.advance(pageLimits.sessionIdleMs / 2);
    }
    expect(call('devices').status).toBe(401);
  });

  it('is of one of so many sessions', () => {
    const first = { cookie, proof };
    for (let n = 0; n < pageLimits.sessions; n++) enter('log-in', { password });
    expect(call('devices').status).toBe(200);
    ({ cookie, proof } = first);
    expect(call('devices').status).toBe(401);
  });

  it('costs one answer at a time, whoever does not read it', () => {
    const visit = new Visit();
    visit.pause();
    for (let n = 0; n < 100; n++) visit.send('GET /page.js HTTP/1.1\r\nHost: h\r\n\r\n');
    host.clock.advance(pageLimits.lingerMs + 1000);
    expect([visit.text, visit.closed]).toEqual(['', 'the visitor does not close the connection']);
  });

  it('keeps no place for a visitor who never closes', () => {
    const visits = Array.from({ length: pageLimits.connections }, () => new Visit());
    host.clock.advance(pageLimits.idleMs + pageLimits.lingerMs + 1000);
    expect(visits.map(({ closed }) => closed)).toEqual(
      visits.map(() => 'the visitor does not close the connection'),
    );
    const next = new Visit();
    next.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(next.text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('costs its answer only, whatever fails', () => {
    vi.spyOn(gateway, 'status').mockImplementation(() => {
      throw new Error('no status');
    });
    expect(call('devices').status).toBe(500);
    vi.restoreAllMocks();
    const { digest } = host.crypto;
    let digests = 0;
    vi.spyOn(host.crypto, 'digest').mockImplementation((algorithm, bytes) => {
      if (++digests > 500) throw new Error('no digest');
      return digest.call(host.crypto, algorithm, bytes);
    });
    expect(call('log-in', { password }).status).toBe(500);
    vi.restoreAllMocks();
    expect(host.lines.filter((line) => line.startsWith('error'))).toEqual([
      'error gateway.page: no status',
      'error gateway.page: no digest',
    ]);
    expect(call('devices').status).toBe(200);
  });

  it('is one of so many connections', () => {
    const visits = Array.from({ length: pageLimits.connections + 1 }, () => new Visit());
    expect(visits.at(-1)?.closed).toBe('the page has too many connections');
    visits[0]?.end();
    const again = new Visit();
    again.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(again.text).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('devices', () => {
  const save = (device: object, more: object = {}) => call('save', { file: null, device, ...more });
  const file = (name: string) => JSON.parse(utf8Decode(host.files.read(`${folder}/${name}.json`, 10_000)));

  beforeEach(() => {
    setUp();
  });

  it('are listed, and so are files that are broken', () => {
    save(camera('cam-1', '10.0.0.1', { password: 'p' }));
    host.files.content.set(`${folder}/two.json`, ascii('{'));
    gateway.refresh();
    host.clock.advance(5000);
    expect(call('devices').json).toMatchObject({
      devices: [
        { id: 'page', file: null, state: 'connected', reachability: null },
        { id: 'cam-1', file: 'cam-1', state: 'connected', target: '10.0.0.1', reachability: { ok: true } },
      ],
      broken: [{ name: 'two', fault: expect.stringContaining('two.json:1:2') }],
      editable: true,
    });
  });

  it('are added, shown without secrets, changed and removed', () => {
    expect(save(camera('cam-1', '10.0.0.1', { password: 'S3cret' }))).toMatchObject({
      status: 200,
      json: { file: 'cam-1' },
    });
    expect(file('cam-1').device.password).toBe('S3cret');
    const { json } = call('device', { file: 'cam-1' });
    expect(JSON.stringify(json)).not.toContain('S3cret');
    expect(json.secrets).toEqual({ password: true, enrollKey: false });
    expect(call('remove', { file: 'cam-1' }).json.problems).toEqual([
      'The file has changed meanwhile: open the device again.',
    ]);
    const renamed = camera('cam-1', '10.0.0.2', { name: 'Gate' });
    const { revision } = json;
    expect(call('save', { file: 'cam-1', revision, device: renamed }).status).toBe(200);
    expect(file('cam-1')).toMatchObject({ target: '10.0.0.2', device: { name: 'Gate', password: 'S3cret' } });
    expect(call('save', { file: 'cam-1', revision, device: renamed }).json.problems).toEqual([
      'The file has changed meanwhile: open the device again.',
    ]);
    expect(call('remove', { file: 'cam-1', revision }).json.problems).toEqual([
      'The file has changed meanwhile: open the device again.',
    ]);
    const now = call('device', { file: 'cam-1' }).json;
    expect(call('remove', { file: 'cam-1', revision: now.revision }).status).toBe(200);
    expect(host.files.stat(`${folder}/cam-1.json`)).toBe(null);
    expect(call('remove', { file: 'cam-1' }).status).toBe(409);
  });

  it.each<[string, object, RegExp]>([
    [
      'an ID that leads elsewhere',
      camera('../../tmp/x', '10.0.0.1', { password: 'p' }),
      /allowed is a file name/,
    ],
    ['the ID of the page', camera('page', '10.0.0.1', { password: 'p' }), /another device has already/],
    [
      'an unknown kind',
      { ...camera('x', '10.0.0.1', { password: 'p' }), services: [{ port: 80, kind: 'ftp' }] },
      /kind/,
    ],
    ['a target that is the gateway', camera('x', '127.0.0.1', { password: 'p' }), /a loopback address/],
    ['a program', { ...camera('x', '10.0.0.1'), notify: { command: 'x' } }, /the page does not change it/],
  ])('are not added with %s', (_, device, problem) => {
    const { status, json } = save(device);
    expect(status).toBe(409);
    expect(String(json.problems)).toMatch(problem);
    expect(host.files.list(folder)).toEqual([]);
  });

  it('are not written larger than they can be read', () => {
    const services = Array.from({ length: 256 }, (_, n) => ({
      port: 1000 + n,
      kind: 'http',
      path: `/${'x'.repeat(300)}`,
    }));
    const { status, json } = save({ ...camera('cam-1', '10.0.0.1', { password: 'p' }), services });
    expect([status, host.files.stat(`${folder}/cam-1.json`)]).toEqual([409, null]);
    expect(json.problems).toEqual([expect.stringMatching(/allowed are 65536 in the file of a device$/)]);
  });

  it('are not more than are read', () => {
    for (let n = 0; n < gatewayLimits.files; n++) host.files.content.set(`${folder}/f${n}.json`, ascii('{'));
    gateway.refresh();
    const { json } = save(camera('cam-1', '10.0.0.1', { password: 'p' }));
    expect(json.problems).toEqual([expect.stringMatching(/^found \d+ files, more are not allowed/)]);
  });

  it('are removed where their file is broken, by whoever was shown nothing of it', () => {
    host.files.content.set(`${folder}/two.json`, ascii('{'));
    gateway.refresh();
    expect(call('remove', { file: 'two', revision: 'of one that was whole' }).status).toBe(409);
    expect(call('remove', { file: 'two' }).status).toBe(200);
    expect(host.files.list(folder)).toEqual([]);
  });

  it('are not added over a file that is there', () => {
    save(camera('cam-1', '10.0.0.1', { password: 'p' }));
    expect(String(save(camera('cam-1', '10.0.0.2')).json.problems)).toMatch(/there is a file/);
    host.files.content.set(`${folder}/cam-2.json`, ascii('{'));
    expect(String(save(camera('cam-2', '10.0.0.2')).json.problems)).toMatch(/there is a file/);
  });

  it('are tested before they are added, one at a time', () => {
    const test = (device: object) => call('test', { file: null, device });
    const silent = test(camera('cam-1', '10.0.0.1', { password: 'p' }));
    // The service accepts and says nothing; its answer is late.
    expect(silent.status).toBeNaN();
    expect(test(camera('cam-1', '10.0.0.2')).status).toBe(429);
    host.clock.advance(gatewayLimits.probeMs);
    const { json } = test({ ...camera('cam-1', '10.0.0.99', { password: 'p' }), services: [{ port: 22 }] });
    expect(json).toEqual({
      problems: [],
      findings: [
        { ok: false, text: expect.stringMatching(/^port 22: 10\.0\.0\.99 port 22 cannot be reached: /) },
      ],
    });
    expect(host.files.list(folder)).toEqual([]);
  });

  it('are tested for a limited time, however many services are silent', () => {
    for (let n = 0; n < 256; n++) host.network.endpoints.set(`10.0.0.50:${1000 + n}`, 'silent');
    const services = Array.from({ length: 256 }, (_, n) => ({ port: 1000 + n, kind: 'tcp' }));
    const visit = ask('/api/test', {
      file: null,
      device: { ...camera('cam-1', '10.0.0.50', { password: 'p' }), services },
    });
    host.clock.advance(gatewayLimits.testMs + gatewayLimits.probeMs);
    expect(visit.text).toMatch(/2\d\d services were not tried: a test takes 30 s at most\./);
  });

  it('of a gateway without a folder cannot be changed', () => {
    const device = { id: 'page', domain: 'dom', password: 's3cret' };
    const json = { reflector: 'http://r.example/', gateway: { devices: [], page: { device } } };
    host.files.content.set('/etc/g.json', ascii(JSON.stringify(json)));
    const settings = readGatewayFile(host, '/etc/g.json');
    if ('errors' in settings) throw new Error(settings.errors.join());
    gateway.settings = settings;
    gateway.refresh();
    expect(call('devices').json).toMatchObject({ editable: false });
    expect(String(save(camera('cam-1', '10.0.0.1', { password: 'p' })).json.problems)).toMatch(
      /gateway\.folder: missing/,
    );
  });
});

describe('the neighbours of the gateway', () => {
  const line = (address: string, flags = '0x2') =>
    `${address.padEnd(17)}0x1         ${flags}         00:11:22:33:44:55     *        eth0\n`;
  const table = (...lines: string[]) =>
    host.files.content.set(
      '/proc/net/arp',
      ascii(
        `IP address       HW type     Flags       HW address            Mask     Device\n${lines.join('')}`,
      ),
    );

  beforeEach(() => {
    setUp();
  });

  it('are shown, and which of them are devices already', () => {
    call('save', { file: null, device: camera('cam-1', '10.0.0.1', { password: 'p' }) });
    table(line('10.0.0.1'), line('10.0.0.7'), line('10.0.0.8', '0x0'), 'nonsense\n', line('<b>'));
    const one = { hardware: '00:11:22:33:44:55', interface: 'eth0' };
    expect(call('neighbours').json).toEqual({
      neighbours: [
        { address: '10.0.0.1', ...one, listed: true },
        { address: '10.0.0.7', ...one, listed: false },
      ],
    });
  });

  it('are shown to nobody who has not logged in', () => {
    expect(call('neighbours', {}, { Cookie: null }).status).toBe(401);
  });

  it('are no more than so many', () => {
    const lines = Array.from({ length: 1000 }, (_, n) => line(`10.0.${n >> 8}.${n & 255}`));
    table(...lines);
    expect(call('neighbours').json.neighbours).toHaveLength(pageLimits.neighbours);
    table('x'.repeat(pageLimits.neighbourBytes));
    expect(call('neighbours').status).toBe(409);
    host.files.content.delete('/proc/net/arp');
    expect(call('neighbours').json.error).toMatch(/^The neighbours cannot be read: no such file/);
  });
});

describe('a search of the network', () => {
  beforeEach(() => {
    setUp();
    const table = '           |-- 10.0.0.254\n              /32 host LOCAL\n';
    host.files.content.set('/proc/net/fib_trie', ascii(table));
    host.network.groups.set('10.0.0.254', () => []);
  });

  const begin = () => ask('/api/search', {});

  it('is made for whoever has logged in, when they ask', () => {
    expect(host.network.asking).toBe(0);
    expect(call('search', {}, { Cookie: null }).status).toBe(401);
    expect(host.network.asking).toBe(0);
    const one = begin();
    expect(host.network.asking).toBeGreaterThan(0);
    host.clock.advance(2000);
    expect(one.text).toMatch(/\{"services":\[\]\}$/);
    expect(host.network.asking).toBe(0);
  });

  it('is one at a time, and does not end with whoever has asked for it', () => {
    begin().end();
    expect(call('search').json).toEqual({ error: 'Another search runs: wait for it.' });
    host.clock.advance(2000);
    begin();
    expect(host.network.asking).toBeGreaterThan(0);
  });

  it('says why there is none', () => {
    host.network.groups.clear();
    const one = begin();
    host.clock.advance(2000);
    expect(one.text).toMatch('The network cannot be searched: network is unreachable.');
  });

  it('that fails costs its answer only', () => {
    host.network.groups.set('10.0.0.254', () => [
      { bytes: null as unknown as Uint8Array, address: '10.0.0.9', port: 5353 },
    ]);
    expect(call('search').json).toEqual({ error: 'The search has failed.' });
    expect(host.network.asking).toBe(0);
    expect(call('neighbours').status).not.toBe(401);
  });
});

describe('a properties file of the original gateway', () => {
  const common = 'gateway.http.port = 8080\nwebtunnel.reflectorURI = https://remote.example.com\n';
  const text = [
    'webtunnel.deviceId = cam-1',
    'webtunnel.domain = dom',
    'webtunnel.password = S3cret',
    'webtunnel.host = 10.0.0.1',
    'webtunnel.ports = 80, 443',
    'webtunnel.httpPort = 443',
    'webtunnel.https.enable = true',
    'webtunnel.threads = 4',
  ].join('\n');
  const preview = (given: object) => call('import', { common, text, ...given });

  beforeEach(() => {
    setUp();
  });

  it.each([
    ['empty lines', '\n'.repeat(65_000)],
    ['backslashes', `a=${'\\'.repeat(65_000)}x`],
    [
      'variables that name the next one twice',
      [
        'webtunnel.host = ${a0}',
        ...Array.from({ length: 60 }, (_, n) => `a${n} = \${a${n + 1}}\${a${n + 1}}`),
      ].join('\n'),
    ],
  ])('takes no time that grows faster than the file: %s', (_, given) => {
    const { status, json } = preview({ text: given });
    expect([status, JSON.stringify(json).length < 2_000_000]).toEqual([200, true]);
  });

  it('is shown as the device that it would become, and can be saved so', () => {
    const { status, json } = preview({});
    const device = {
      target: '10.0.0.1',
      device: { id: 'cam-1', domain: 'dom', password: 'S3cret' },
      services: [
        { port: 80, kind: 'tcp' },
        { port: 443, kind: 'https', tls: { verify: false } },
      ],
    };
    expect([status, json.device, json.problems]).toEqual([200, device, []]);
    expect(json.remarks).toEqual(
      expect.arrayContaining([
        'webtunnel.threads: not needed, one event loop serves all channels, left out',
        expect.stringMatching(/^webtunnel\.https\.verification: nobody verifies the device/),
        expect.stringMatching(/^reflector: left out, the page does not change it/),
      ]),
    );
    expect(host.files.list(folder)).toEqual([]);
    expect(call('save', { file: null, device }).json).toEqual({ file: 'cam-1' });
    expect(preview({}).json.problems).toEqual(['device.id: there is a file cam-1.json already']);
  });

  it.each<[string, string, RegExp]>([
    ['the gateway itself', 'webtunnel.host = 127.0.0.1', /^target: found "127\.0\.0\.1", a loopback address/],
    ['a variable of the gateway', 'webtunnel.domain = ${system.env.SECRET}', /write variables to the file/],
    ['no ID', 'webtunnel.deviceId =', /^device\.id: missing/],
    ['a wrong port', 'webtunnel.ports = 99999', /^services/],
  ])('that has %s becomes no device', (_, line, problem) => {
    const { json } = preview({ text: `${text}\n${line}` });
    expect(json.problems).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
  });

  it('that is none becomes no device', () => {
    for (const none of ['', 'a = b', common])
      expect(preview({ text: none }).json).toEqual({
        device: null,
        remarks: [],
        problems: ['webtunnel.*: missing, so this is no device of the original gateway'],
      });
  });

  it('has a length', () => {
    const long = `#${'x'.repeat(pageLimits.propertiesLength)}`;
    expect(preview({ text: long }).status).toBe(409);
    expect(preview({ common: long }).status).toBe(409);
  });
});

describe('the page as a device', () => {
  it('is reached through its own tunnel, and only there', () => {
    expect(gateway.device('page')?.status()).toMatchObject({ state: 'connected', target: 'localhost' });
    const [connection] = host.reflector.connections;
    expect(connection?.requests[0]?.headers.get('authorization')).toContain(
      base64Encode(ascii('page@dom:s3cret')),
    );
    host.reflector.peer.open(1, 80);
    host.clock.advance(100);
    expect(gateway.device('page')?.status().channels).toBe(1);
  });

  it('keeps its ID from a file', () => {
    host.files.content.set(
      `${folder}/a.json`,
      ascii(JSON.stringify(camera('page', '10.0.0.1', { password: 'p' }))),
    );
    gateway.refresh();
    host.clock.advance(1000);
    expect(gateway.device('page')?.status().target).toBe('localhost');
    expect(gateway.status().faults).toEqual([
      expect.stringMatching(/found "page", which .*gateway\.page has already/),
    ]);
  });

  it('needs a place for its password', () => {
    const json = {
      reflector: 'http://r.example/',
      stateFile: null,
      gateway: { folder, page: { device: { id: 'p', domain: 'd' } } },
    };
    host.files.content.set('/etc/g.json', ascii(JSON.stringify(json)));
    expect(readGatewayFile(host, '/etc/g.json')).toEqual({
      errors: [expect.stringMatching(/gateway\.page: needed is stateFile/)],
    });
  });
});
