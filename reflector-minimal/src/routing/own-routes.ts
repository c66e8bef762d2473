import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import type { Holder } from '../access/standing.ts';
import { type EntrySources, enter } from '../authentication/enter.ts';
import type { BodyBounds } from '../http/body.ts';
import { cutResponse } from '../http/break-off.ts';
import { isNavigation } from '../http/browser.ts';
import { responseOn } from '../http/detached-response.ts';
import { apartLabel, hostOf, portSuffix } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import type { Frames } from '../http/page.ts';
import { type Refusal, sendRefusal } from '../http/refusal.ts';
import { isSameOrigin } from '../isolation/same-origin.ts';
import type { Limits } from '../limits.ts';
import type { Identity } from '../ports/identity.ts';
import type {
  Answer,
  BrowserCall,
  BrowserRoute,
  OpenRoute,
  Route,
  SocketRoute,
  StreamedAnswer,
  UserCall,
  UserRoute,
} from '../ports/routes.ts';
import type { UserRecord } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { Handshake } from '../websocket/handshake.ts';
import { CallRefused, IncomingCall, IncomingHead } from './incoming-call.ts';
import { RouteWebSocket } from './route-socket.ts';
import { type Found, type Placed, RouteTable } from './route-table.ts';
import { sendAnswer, sendHead } from './send-answer.ts';
import { type AdmissionContext, type Asked, admitUser } from './user-admission.ts';

/** For this host only (RFC 6797): each device decides about its own. */
const hsts = 'max-age=31536000';

export interface OwnRoutesContext extends BodyBounds, Omit<EntrySources, 'revocation'>, AdmissionContext {
  readonly limits: Limits;
  readonly log: Logger;
  /** In lower case. */
  readonly domain: string;
  /** The log-in page that leads back to `target`. */
  readonly logInAddress: (target: string) => string;
}

/**
 * The reflector's own pages and interfaces. A route says whom it is for; everything that protects it and its user is done
 * here. The order of the checks is security, and `forwarding/order.integration.test.ts` tests it.
 */
export class OwnRoutes {
  readonly #context: OwnRoutesContext;
  readonly #own: Tables;
  /** Of the host apart. */
  readonly #apart: Tables;
  /** Ends streamed answers and WebSockets under way; the code is for WebSockets. */
  readonly #lasting = new Set<(code: number) => void>();

  /** Throws when two routes have the same method and path, or two WebSockets the same path. */
  constructor(context: OwnRoutesContext, routes: readonly Route[]) {
    this.#context = context;
    this.#own = this.#tables(routes.filter((route) => !isApart(route)));
    this.#apart = this.#tables(routes.filter(isApart));
  }

  /** Ends what has no end of its own: streamed answers, and WebSockets with this close code. */
  stop(closeCode: number): void {
    for (const end of this.#lasting) end(closeCode);
  }

  /** Whether this is answered without a `Host`. */
  answersWithoutHost(request: IncomingMessage): boolean {
    const { route } = this.#find(request);
    return route?.access === 'anyone' && route.withoutHost === true;
  }

  /** Rejects only when the request breaks off. */
  async serve(request: IncomingMessage, response: ServerResponse, origin: Origin): Promise<void> {
    const { domain } = this.#context;
    const exchange = this.#exchange(this.#own, request, response, origin);
    const { found } = exchange;
    const { route } = found;
    if (route?.access === 'anyone' && route.withoutHost) return this.#open(route, exchange);
    // Browsers log in on one host only; the hosts of devices send them there.
    if (hostOf(origin.authority).endsWith(`.${domain}`) && isNavigation(request)) {
      const Location = `${origin.protocol}://${domain}${portSuffix(origin.authority)}${request.url ?? '/'}`;
      return sendAnswer(response, { status: 303, headers: { Location } });
    }
    if (route?.access === 'anyone') return this.#open(route, exchange);
    if (route?.access === 'browser') return this.#browser(route, exchange);
    if (found.refused?.access === 'anyone') return this.#refuse(exchange, notAllowed(found.allowed));
    return this.#user(route, exchange);
  }

  /** On the host apart: for everybody, or nothing. Rejects only when the request breaks off. */
  async serveApart(request: IncomingMessage, response: ServerResponse, origin: Origin): Promise<void> {
    const exchange = this.#exchange(this.#apart, request, response, origin);
    const { route, refused, allowed } = exchange.found;
    if (route?.access === 'anyone') return this.#open(route, exchange);
    return this.#refuse(exchange, refused ? notAllowed(allowed) : refusals.nothingHere);
  }

  /** A WebSocket on the host apart: for everybody, or nothing. */
  async upgradeApart(request: IncomingMessage, socket: Duplex, head: Buffer, origin: Origin): Promise<void> {
    const { route: placed, parameters } = this.#apart.sockets.find('GET', pathOf(request));
    if (placed?.route.access !== 'anyone') {
      if (!socket.destroyed) {
        sendRefusal(request, responseOn(request, socket, this.#context), refusals.nothingHere);
      }
      return;
    }
    const { route } = placed;
    const call = new IncomingHead(request, socket, origin, parameters);
    this.#connect({ request, lasting: socket, origin }, head, placed, null, (given) =>
      route.connect(given, call),
    );
  }

  /** A WebSocket. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, origin: Origin): Promise<void> {
    const found = this.#own.sockets.find('GET', pathOf(request));
    const refuse = (refusal: Refusal) => {
      if (!socket.destroyed) sendRefusal(request, responseOn(request, socket, this.#context), refusal);
    };
    if (this.#own.sockets.isEmpty) return refuse(refusals.unknownHost);
    const exchange = { request, lasting: socket, origin };
    const { route: placed, parameters } = found;
    const call = new IncomingHead(request, socket, origin, parameters);
    if (placed?.route.access === 'anyone') {
      const { route } = placed;
      this.#connect(exchange, head, placed, null, (given) => route.connect(given, call));
      return;
    }
    const route = placed?.route.access === 'user' ? placed.route : null;
    const denied = await admitUser(this.#context, exchange, 'upgrade', route?.proofs, (identity, since) => {
      if (!placed || !route) return refuse(refusals.nothingHere);
      const holder = { kind: 'user', identity, device: null } as const;
      const connect = (given: RouteWebSocket) => route.connect(given, Object.assign(call, { identity }));
      this.#connect(exchange, head, placed, { holder, since }, connect);
    });
    if (denied) refuse(denied.refusal);
  }

  /** `access`: what the WebSocket ends with; `null`: nobody has to be let in. */
  #connect(
    { request, lasting: socket }: Asked<Duplex>,
    head: Buffer,
    { route, handshake }: PlacedSocket,
    access: { readonly holder: Holder; readonly since: number } | null,
    connect: (given: RouteWebSocket) => void | Promise<void>,
  ): void {
    const { clock, limits, revocation } = this.#context;
    const subprotocol = agreed(request, route.subprotocols ?? []);
    const headers = subprotocol === null ? [] : ([['Sec-WebSocket-Protocol', subprotocol]] as const);
    handshake.complete(request, socket, head, headers, (webSocket, boundary) => {
      const given = new RouteWebSocket(webSocket, socket, boundary.clock(clock), limits);
      if (route.firstBytes !== undefined) given.boundFirst(route.firstBytes);
      const end = (code: number) => given.close(code);
      this.#lasting.add(end);
      const release = access ? revocation.add({ ...access, end: () => given.close(1008) }) : () => {};
      webSocket.once('close', () => {
        release();
        this.#lasting.delete(end);
      });
      const run = async () => connect(given);
      run().then(
        () => given.close(),
        (error: unknown) => {
          given.close(1011);
          this.#context.log.error({ err: error, path: route.path }, 'WebSocket failed');
        },
      );
    });
  }

  #find(request: IncomingMessage): Found<AnswerRoute> {
    return this.#own.answers.find(request.method ?? '', pathOf(request));
  }

  #exchange(tables: Tables, request: IncomingMessage, response: ServerResponse, origin: Origin): Exchange {
    if (origin.protocol === 'https') response.setHeader('Strict-Transport-Security', hsts);
    const found = tables.answers.find(request.method ?? '', pathOf(request));
    return { request, response, origin, found, frames: this.#frames(origin) };
  }

  /** What a page may show that asks to, and what may show a page of the host apart. */
  #frames({ protocol, authority }: Origin): Frames {
    const { domain } = this.#context;
    const [own, port] = [`${protocol}://${domain}`, portSuffix(authority)];
    const isApart = hostOf(authority) === `${apartLabel}.${domain}`;
    return isApart ? { shownBy: `${own}${port}` } : { shows: `${protocol}://${apartLabel}.${domain}${port}` };
  }

  #tables(routes: readonly Route[]): Tables {
    const { limits, log } = this.#context;
    const failed = (error: unknown) => log.error({ err: error }, 'WebSocket failed');
    const sockets = routes.filter((route) => 'connect' in route);
    return {
      answers: new RouteTable(routes.filter((route) => 'answer' in route)),
      sockets: new RouteTable(
        sockets.map((route) => {
          const handshake = new Handshake({ limits, messageBytes: route.maxMessageBytes, failed });
          return { route, handshake, methods: ['GET'], path: route.path };
        }),
      ),
    };
  }

  #open(route: OpenRoute, exchange: Exchange): Promise<void> {
    const call = this.#call(exchange);
    return this.#answer(exchange, call, () => route.answer(call));
  }

  async #browser(route: BrowserRoute, exchange: Exchange): Promise<void> {
    const { request, origin } = exchange;
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (!reads && !isSameOrigin(request, origin)) return this.#refuse(exchange, refusals.otherOrigin);
    const secure = origin.protocol === 'https';
    const session = () =>
      this.#context.users.session(request, { place: { kind: 'own' }, secure, address: origin.address });
    const logIn = (user: UserRecord, by: string) => this.#logIn(call, user, by);
    const call = Object.assign(this.#call(exchange), { session, logIn });
    return this.#answer(exchange, call, () => route.answer(call));
  }

  async #logIn(call: BrowserCall, user: UserRecord, by: string): ReturnType<BrowserCall['logIn']> {
    const { audit } = this.#context;
    const decision = { event: 'log-in', user: user.name, by, address: call.origin.address } as const;
    const entered = await enter(this.#context, call, user);
    if (entered) audit.record({ ...decision, allowed: true });
    else audit.count({ ...decision, allowed: false, reason: 'the account was changed while it logged in' });
    return entered;
  }

  async #logInAgain(
    { headers, rawHeaders, origin }: IncomingCall,
    identity: Identity,
    user: UserRecord,
  ): ReturnType<UserCall['logInAgain']> {
    if (identity.credential !== 'session' || identity.user.uid !== user.uid) return null;
    return enter(this.#context, { session: async () => identity, headers, rawHeaders, origin }, user);
  }

  /** `route`: `undefined` for a path that does not exist. Only logged-in users learn that. */
  async #user(route: UserRoute | undefined, exchange: Exchange): Promise<void> {
    const { request, response, origin, found } = exchange;
    let answered: Promise<void> | undefined;
    const asked = { request, origin, lasting: response };
    const denied = await admitUser(this.#context, asked, 'request', route?.proofs, (identity, since) => {
      if (!route) {
        this.#refuse(exchange, found.refused ? notAllowed(found.allowed) : refusals.nothingHere);
        return;
      }
      const holder = { kind: 'user', identity, device: null } as const;
      const incoming = this.#call(exchange);
      const logInAgain = (user: UserRecord) => this.#logInAgain(incoming, identity, user);
      const call = Object.assign(incoming, { identity, logInAgain });
      // A short answer to a whole request may still come: the route may be about the user's own access.
      const end = () => {
        call.withdraw();
        if (response.headersSent || !request.complete) cutResponse(response);
      };
      response.once('close', this.#context.revocation.add({ holder, since, end }));
      answered = this.#answer(exchange, call, () => route.answer(call));
    });
    if (!denied) return answered;
    if (!denied.unknown || !isNavigation(request)) return this.#refuse(exchange, denied.refusal);
    const Location = this.#context.logInAddress(request.url ?? '/');
    sendAnswer(response, { status: 303, headers: { Location } });
  }

  async #answer(exchange: Exchange, call: IncomingCall, answer: () => Given | Promise<Given>): Promise<void> {
    try {
      const result = await answer();
      if (exchange.response.destroyed) return;
      // The caller is there still, and has lost access.
      if (result === null) return cutResponse(exchange.response);
      if ('error' in result) this.#refuse(exchange, result);
      else if ('stream' in result) await this.#stream(exchange, result);
      else sendAnswer(exchange.response, result, exchange.frames, isPage(result) ? call.look : undefined);
    } catch (error) {
      if (!(error instanceof CallRefused)) throw error;
      if (!exchange.response.headersSent) this.#refuse(exchange, error.refusal);
    }
  }

  /** Resolves when the answer is over. */
  async #stream(
    { request, response, frames }: Exchange,
    { stream, ...answer }: StreamedAnswer,
  ): Promise<void> {
    sendHead(response, answer, frames);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    response.flushHeaders();
    // Node suspects more than ten to be a leak; they end with the response.
    response.setMaxListeners(20);
    const end = () => cutResponse(response);
    this.#lasting.add(end);
    response.once('close', () => this.#lasting.delete(end));
    try {
      // A known number of parts wait for its end, those of the pipeline too; Node warns of more than ten.
      response.setMaxListeners(20);
      await pipeline(Readable.from(stream), response);
    } catch (error) {
      // The caller has gone away, or was sent away.
      if (isPrematureClose(error)) return;
      cutResponse(response);
      throw error;
    }
  }

  #refuse({ request, response, found }: Exchange, refusal: Refusal): void {
    sendRefusal(request, response, refusal, { content: (found.route ?? found.refused)?.refuse?.(refusal) });
  }

  #call({ request, response, origin, found }: Exchange): IncomingCall {
    return new IncomingCall(request, response, origin, found.parameters, this.#context);
  }
}

type AnswerRoute = Exclude<Route, SocketRoute>;
type Given = Answer | StreamedAnswer | Refusal | null;

interface PlacedSocket extends Placed {
  readonly route: SocketRoute;
  readonly handshake: Handshake;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: Origin;
  readonly found: Found<AnswerRoute>;
  readonly frames: Frames;
}

/** The routes of a host. */
interface Tables {
  readonly answers: RouteTable<AnswerRoute>;
  readonly sockets: RouteTable<PlacedSocket>;
}

function isApart(route: Route): boolean {
  return route.access === 'anyone' && route.apart === true;
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function isPage({ type = '' }: Answer): boolean {
  return type.startsWith('text/html');
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** The first of ours that the client offers; `null`: none. */
function agreed({ headers }: IncomingMessage, ours: readonly string[]): string | null {
  const offered = String(headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim());
  return ours.find((name) => offered.includes(name)) ?? null;
}

function notAllowed(allowed: readonly string[]): Refusal {
  const others = allowed.slice(0, -1).join(', ');
  const which = others === '' ? `${allowed[0]} is` : `${others} and ${allowed.at(-1)} are`;
  return { status: 405, error: `only ${which} allowed here`, headers: { Allow: allowed.join(', ') } };
}
