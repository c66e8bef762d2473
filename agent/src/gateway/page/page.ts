import { type HeaderFields, latin1Encode, utf8DecodeStrict, utf8Encode } from 'rm-protocol';
import { type Json, type JsonObject, JsonSyntaxError, parseJson } from '../../config/json.ts';
import type { Dial } from '../../dial/dial-service.ts';
import type { Host } from '../../host.ts';
import type { Log } from '../../log/log.ts';
import { digestOf } from '../device-sources.ts';
import type { Gateway } from '../gateway.ts';
import type { LoadGatewayImport } from '../import-folder.ts';
import { isObject } from '../source.ts';
import { Account, type Proof, type Verdict, type Way } from './account.ts';
import { assets } from './assets.ts';
import { Boundary } from './boundary.ts';
import { sameText } from './constant-time.ts';
import { changed, shown } from './editable.ts';
import type { BodyBound, PageRequest, PageResponse } from './http-connection.ts';
import { importDevice } from './import-device.ts';
import { serveInProcess } from './in-process.ts';
import { type LanListener, type LanPlace, serveLan } from './lan.ts';
import { pageLimits } from './limits.ts';
import { neighbours } from './neighbours.ts';
import { randomText } from './random-text.ts';
import { searchServices } from './search.ts';
import { type Session, Sessions } from './sessions.ts';

/** What a call answers: a status and a value that becomes JSON. */
interface Answer {
  readonly status?: number;
  readonly json: object;
  readonly cookie?: string;
  /** By which the browser is known from now on. */
  readonly browser?: string;
}

/** One call of a logged-in visitor. */
interface Call {
  readonly body: JsonObject;
  readonly cookie: string;
  readonly proof: Proof;
  readonly respond: (answer: Answer) => void;
}

/** What the cookies of the session and of the browser are called; `__Host-` (RFC 6265bis) where the visitor has TLS. */
const COOKIE = 'rm-gateway';
const BROWSER = 'rm-gateway-browser';

/** The header with the session's proof, which no form and no link can send. */
const PROOF = 'x-rm-proof';

/** The header in which the reflector says who asks: {@link Page.visitorKey} and the name, percent-encoded. */
const VISITOR = 'x-rm-visitor';

const meanwhile = 'The file has changed meanwhile: open the device again.';

const files: ReadonlyMap<string, readonly [type: string, content: string]> = new Map([
  ['/', ['text/html; charset=utf-8', assets.html]],
  ['/page.js', ['text/javascript; charset=utf-8', assets.script]],
  ['/page.css', ['text/css; charset=utf-8', assets.style]],
]);

/**
 * The gateway's own page: what answers each request. The order of the checks is security: the method, the origin, the type of the body, the
 * session, its proof, and only then what the body says.
 */
export class Page {
  readonly account: Account;
  /** How the page is reached through the tunnel of its device. */
  readonly dial: Dial;
  /** What only this page and the reflector know, so that nobody else can say who asks; `null`: it is not asked for. */
  readonly visitorKey: string | null;
  readonly #users: readonly string[];
  readonly #host: Host;
  readonly #gateway: Gateway;
  readonly #loadImport: LoadGatewayImport;
  #import: ReturnType<NonNullable<LoadGatewayImport>> | null = null;
  readonly #sessions: Sessions;
  readonly #salt: string;
  readonly #boundary: Boundary;
  #testing = false;
  #searching = false;
  readonly #calls: ReadonlyMap<string, (call: Call) => void>;

  /**
   * `file` is that of the account, whose passwords take so many rounds from now on. `loadImport` loads what only an import needs.
   * `users` are those of the reflector who need no password.
   */
  constructor(
    host: Host,
    gateway: Gateway,
    log: Pick<Log, 'error'>,
    file: string,
    loadImport: LoadGatewayImport,
    users: readonly string[] = [],
    rounds = pageLimits.rounds,
  ) {
    this.#host = host;
    this.#users = users;
    this.visitorKey = users.length === 0 ? null : randomText(host);
    this.#gateway = gateway;
    this.#loadImport = loadImport;
    this.#boundary = new Boundary(log);
    const { crypto, files: ownFiles } = host;
    const clock = this.#boundary.clock(host.clock);
    this.account = new Account({ clock, crypto, files: ownFiles }, file, rounds);
    this.#sessions = new Sessions(host);
    this.#salt = randomText(host);
    this.dial = serveInProcess(host, this.#boundary, this.#bound, this.#answer('tunnel'));
    this.#calls = new Map<string, (call: Call) => void>([
      ['log-out', (call) => this.#logOut(call)],
      ['password', (call) => this.#changePassword(call)],
      ['codes-offer', ({ respond }) => respond({ json: { secret: this.account.offer() } })],
      [
        'codes-confirm',
        ({ proof, cookie, respond }) =>
          this.account.confirm(proof, (verdict) => respond(this.#changed(verdict, cookie))),
      ],
      [
        'codes-end',
        ({ proof, cookie, respond }) =>
          this.account.withoutCodes(proof, (verdict) => respond(this.#changed(verdict, cookie))),
      ],
      ['devices', ({ respond }) => respond({ json: this.#list() })],
      ['device', (call) => this.#show(call)],
      ['save', (call) => this.#save(call)],
      ['remove', (call) => this.#remove(call)],
      ['test', (call) => this.#test(call)],
      ['import', (call) => this.#preview(call)],
      ['neighbours', ({ respond }) => respond(this.#neighbours())],
      ['search', (call) => this.#search(call)],
    ]);
  }

  /** Serves the page on an address of the gateway, too. */
  listen(place: LanPlace, failed: (reason: string) => void): LanListener {
    return serveLan(this.#host, place, this.#boundary, this.#bound, this.#answer('network'), failed);
  }

  /** Only who has logged in may send more than a password. */
  readonly #bound: BodyBound = ({ method, headers }) => {
    if (method !== 'POST') return 0;
    const cookie = cookieOf(headers, COOKIE);
    return cookie !== null && this.#sessions.find(cookie, this.#visitorOf(headers))
      ? pageLimits.bodyBytes
      : pageLimits.logInBytes;
  };

  #answer(way: Way): (request: PageRequest, respond: (response: PageResponse) => void) => void {
    return (request, respond) =>
      this.#boundary.run(
        () => respond(plain(500)),
        () => this.#route(way, request, respond),
      );
  }

  #route(way: Way, request: PageRequest, respond: (response: PageResponse) => void): void {
    const { method, path, headers, body } = request;
    const file = files.get(path);
    if (file) {
      if (method === 'GET' || method === 'HEAD')
        respond({ status: 200, type: file[0], body: utf8Encode(file[1]) });
      else respond(plain(405));
      return;
    }
    const [, name = ''] = /^\/api\/([a-z-]+)$/.exec(path) ?? [];
    const open = name === 'log-in' || name === 'set-up' || name === 'session' || name === 'enter';
    const run = this.#calls.get(name);
    if (!open && !run) respond(plain(404));
    else if (method !== 'POST') respond(plain(405));
    else if (!fromHere(request)) respond(plain(403));
    else if (!/^application\/json(?:;|$)/i.test(headers.get('content-type') ?? '')) respond(plain(415));
    else {
      const answer = (given: Answer) => respond(responseOf(given, isSecure(headers)));
      const cookie = cookieOf(headers, COOKIE) ?? '';
      const visitor = this.#visitorOf(headers);
      const session = this.#sessions.find(cookie, visitor);
      if (!open && (!session || !sameText(headers.get(PROOF) ?? '', session.proof))) {
        answer(refused(401, 'Log in again.'));
        return;
      }
      const json = parsed(body);
      if (typeof json === 'string') {
        answer(refused(400, json));
        return;
      }
      const proof = proofOf(json, way, cookieOf(headers, BROWSER) ?? '');
      if (name === 'session') answer({ json: this.#state(session, visitor) });
      else if (name === 'enter') answer(this.#enter(visitor));
      else if (name === 'log-in') this.#logIn(proof, answer);
      else if (name === 'set-up') this.#setUp(way, json, answer);
      else run?.({ body: json, cookie, proof, respond: answer });
    }
  }

  // ---- log-in ----

  /** What a visitor may know: nothing but what is missing, until the log-in. */
  #state(session: Session | null, visitor: string | null): object {
    const { account } = this;
    return session
      ? { proof: session.proof, codes: account.hasCodes }
      : { proof: null, setUp: account.setUpCode !== null, ...(this.#isUser(visitor) ? { visitor } : {}) };
  }

  /** Of whom the reflector says that they ask; `null`: it says nothing, or somebody else has said it. */
  #visitorOf(headers: HeaderFields): string | null {
    const values = headers.all(VISITOR);
    const [key = '', name = '', ...more] = (values[0] ?? '').split(' ');
    if (this.visitorKey === null || values.length !== 1 || more.length > 0) return null;
    if (!sameText(key, this.visitorKey)) return null;
    try {
      return decodeURIComponent(name);
    } catch {
      return null;
    }
  }

  #isUser(visitor: string | null): visitor is string {
    return visitor !== null && this.#users.includes(visitor);
  }

  /** For a user whom the reflector has let in; it is asked for by a click, as a log-in is. */
  #enter(visitor: string | null): Answer {
    return this.#isUser(visitor) ? this.#begin(visitor) : refused(401, 'Log in by the password.');
  }

  #logIn(proof: Proof, respond: (answer: Answer) => void): void {
    this.account.verify(proof, (verdict) => respond(verdict ? verdictOf(verdict) : this.#begin(null)));
  }

  #setUp(way: Way, body: JsonObject, respond: (answer: Answer) => void): void {
    this.account.setUp(way, textAt(body, 'code'), textAt(body, 'password'), (verdict) => {
      // Whoever has taken the password away wants everybody out.
      if (verdict === null) this.#sessions.endOthers('');
      respond(verdict ? verdictOf(verdict) : this.#begin(null));
    });
  }

  #begin(visitor: string | null): Answer {
    const { cookie, session } = this.#sessions.begin(visitor);
    // Who knows no password has not shown that their browser is to be spared the attempts of strangers.
    const browser = visitor === null ? { browser: this.account.browserCookie() } : {};
    return { json: this.#state(session, visitor), cookie, ...browser };
  }

  #logOut({ cookie, respond }: Call): void {
    this.#sessions.end(cookie);
    respond({ json: {}, cookie: '' });
  }

  #changePassword({ body, cookie, proof, respond }: Call): void {
    this.account.change(proof, textAt(body, 'next'), (verdict) => respond(this.#changed(verdict, cookie)));
  }

  /** After a change of what a log-in takes: others may have come in by what it took before. */
  #changed(verdict: Verdict, cookie: string): Answer {
    if (verdict) return verdictOf(verdict);
    this.#sessions.endOthers(cookie);
    return { json: {}, browser: this.account.browserCookie() };
  }

  // ---- devices ----

  #list(): object {
    const { devices, faults, since, residentMemory, version } = this.#gateway.status();
    const files = this.#gateway.files();
    return {
      devices: devices.map((device) => ({
        ...device,
        file: files.find(({ id }) => id === device.id)?.name ?? null,
      })),
      broken: files.filter(({ id, fault }) => id === null && fault !== null),
      faults,
      since,
      residentMemory,
      version,
      editable: this.#gateway.settings.file.gateway.folder !== null,
      now: this.#host.clock.date(),
    };
  }

  #show({ body, respond }: Call): void {
    const file = this.#gateway.fileOf(textAt(body, 'file'));
    if ('error' in file) respond(refused(404, file.error));
    else respond({ json: { ...shown(file.json), revision: this.#revisionOf(file) } });
  }

  /** Of a file with secrets: its digest alone would let them be guessed. */
  #revisionOf({ digest }: { readonly digest: string }): string {
    return digestOf(this.#host, this.#salt + digest);
  }

  #save({ body, respond }: Call): void {
    const given = this.#after(body);
    if ('error' in given) respond(given.error);
    else {
      const { name, json } = given;
      const wrong = this.#gateway.put(name, json);
      respond(wrong.length > 0 ? { status: 409, json: { problems: wrong } } : { json: { file: name } });
    }
  }

  #remove({ body, respond }: Call): void {
    const name = textAt(body, 'file');
    const file = this.#gateway.fileOf(name);
    // One that cannot be read has no revision; it can be removed by whoever was shown none.
    const revision = 'error' in file ? '' : this.#revisionOf(file);
    const wrong =
      'error' in file && file.absent
        ? [file.error]
        : textAt(body, 'revision') === revision
          ? this.#gateway.remove(name)
          : [meanwhile];
    respond(wrong.length > 0 ? { status: 409, json: { problems: wrong } } : { json: {} });
  }

  #test({ body, respond }: Call): void {
    const given = this.#after(body);
    if ('error' in given) respond(given.error);
    else if (this.#testing) respond(refused(429, 'Another test runs: wait for it.'));
    else {
      this.#testing = true;
      const findings: object[] = [];
      this.#gateway.diagnose(
        given.json,
        (finding) => findings.push(finding),
        (problems) => {
          this.#testing = false;
          respond({ json: { problems, findings } });
        },
      );
    }
  }

  /** What may be a device that is not listed yet; asked for by a person only. */
  #neighbours(): Answer {
    const found = neighbours(this.#host.files);
    if (typeof found === 'string') return refused(409, `The neighbours cannot be read: ${found}.`);
    return { json: { neighbours: this.#whetherListed(found) } };
  }

  /** What machines say that they offer; they are asked because a person asks. */
  #search({ respond }: Call): void {
    if (this.#searching) {
      respond(refused(429, 'Another search runs: wait for it.'));
      return;
    }
    this.#searching = true;
    const end = (answer: Answer) => {
      this.#searching = false;
      respond(answer);
    };
    const search = searchServices(
      this.#host,
      (step) =>
        this.#boundary.run(() => {
          search.cancel();
          end(refused(500, 'The search has failed.'));
        }, step),
      (found) =>
        end(
          typeof found === 'string'
            ? refused(409, `The network cannot be searched: ${found}.`)
            : { json: { services: this.#whetherListed(found) } },
        ),
    );
  }

  #whetherListed<T extends { readonly address: string }>(found: readonly T[]): object[] {
    const listed = new Set(this.#gateway.status().devices.flatMap(({ target }) => target.split(', ')));
    return found.map((one) => ({ ...one, listed: listed.has(one.address) }));
  }

  /** What one properties file of the original gateway would become; `save` writes it. */
  #preview({ body, respond }: Call): void {
    const [text, common] = [textAt(body, 'text'), textAt(body, 'common')];
    if (!this.#loadImport) respond(refused(409, 'This gateway was built without the import.'));
    else if (Math.max(text.length, common.length) > pageLimits.propertiesLength)
      respond(refused(409, `A properties file has ${pageLimits.propertiesLength} characters at most.`));
    else {
      this.#import ??= this.#loadImport();
      const { device, remarks } = importDevice(this.#import, text, common);
      const after = device && this.#after({ file: null, device });
      const problems = after
        ? 'error' in after
          ? after.problems
          : this.#gateway.problemsOf(after.json)
        : remarks;
      respond({ json: { device, remarks: device ? remarks : [], problems } });
    }
  }

  /** The file of a device after an edit that the page has sent. */
  #after(
    body: JsonObject,
  ):
    | { readonly name: string; readonly json: JsonObject }
    | { readonly error: Answer; readonly problems: readonly string[] } {
    const { file = null, device = null } = body;
    const conflict = (...problems: string[]) => ({ error: { status: 409, json: { problems } }, problems });
    const id = isObject(device) && isObject(device.device) ? device.device.id : undefined;
    if (typeof id !== 'string' || id === '') return conflict('device.id: missing');
    const name = typeof file === 'string' ? file : id;
    const stored = this.#gateway.fileOf(name);
    if (file === null) {
      if (!('error' in stored) || !stored.absent)
        return conflict(`device.id: there is a file ${name}.json already`);
    } else if ('error' in stored) return conflict(stored.error);
    else if (textAt(body, 'revision') !== this.#revisionOf(stored)) return conflict(meanwhile);
    if (
      this.#gateway.device(id) &&
      this.#gateway.files().every((other) => other.name !== name || other.id !== id)
    )
      return conflict(`device.id: found "${id}", which another device has already`);
    const after = changed(this.#host, 'error' in stored ? null : stored.json, device);
    return 'problems' in after ? conflict(...after.problems) : { name, json: after.json };
  }
}

/** Whether a request comes from the page itself: browsers say so in each POST. */
function fromHere({ headers }: PageRequest): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin') return false;
  const [, authority = ''] = /^https?:\/\/([^/]+)$/i.exec(headers.get('origin') ?? '') ?? [];
  return authority !== '' && authority.toLowerCase() === (headers.get('host') ?? '').toLowerCase();
}

/** Whether the visitor has TLS, as whoever forwards the request says; it only decides on the name of the cookie. */
function isSecure(headers: HeaderFields): boolean {
  return (headers.get('x-forwarded-proto') ?? '').toLowerCase() === 'https';
}

/** What a cookie says; `null`: there is none, or more than one, of which nobody knows which is meant. */
function cookieOf(headers: HeaderFields, base: string): string | null {
  const name = cookieName(base, isSecure(headers));
  const values = headers
    .all('cookie')
    .flatMap((field) => field.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && /^[\w.-]{43,87}$/.test(value) ? value : null;
}

/** The body, or why it is none. */
function parsed(body: Uint8Array): JsonObject | string {
  const text = utf8DecodeStrict(body);
  try {
    const json = text === null ? null : parseJson(text, () => undefined);
    return json !== null && isObject(json) ? json : 'The body is no JSON object.';
  } catch (error) {
    if (error instanceof JsonSyntaxError) return 'The body is no JSON.';
    throw error;
  }
}

function textAt(body: JsonObject, key: string): string {
  const value: Json | undefined = body[key];
  return typeof value === 'string' ? value : '';
}

function proofOf(body: JsonObject, way: Way, browser: string): Proof {
  return {
    way,
    browser,
    password: textAt(body, 'password').slice(0, pageLimits.longestPassword + 1),
    code: textAt(body, 'code').replace(/\s/g, '').slice(0, 16),
  };
}

function refused(status: number, error: string): Answer {
  return { status, json: { error } };
}

function verdictOf(verdict: Verdict): Answer {
  return verdict ? refused(verdict.status, verdict.error) : { json: {} };
}

function plain(status: number): PageResponse {
  return { status, type: 'text/plain', body: latin1Encode(`${status}\n`) };
}

function cookieName(base: string, secure: boolean): string {
  return secure ? `__Host-${base}` : base;
}

function responseOf({ status = 200, json, cookie, browser }: Answer, secure: boolean): PageResponse {
  const field = (name: string, value: string, age: number | null): readonly [string, string] => [
    'Set-Cookie',
    `${cookieName(name, secure)}=${value}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}${age === null ? '' : `; Max-Age=${age}`}`,
  ];
  return {
    status,
    type: 'application/json',
    body: utf8Encode(JSON.stringify(json)),
    fields: [
      ...(cookie === undefined ? [] : [field(COOKIE, cookie, cookie === '' ? 0 : null)]),
      ...(browser === undefined ? [] : [field(BROWSER, browser, pageLimits.browserSeconds)]),
    ],
  };
}
