import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Audit } from '../audit/audit.ts';
import { claimedName, type UserAuthentication } from '../authentication/user-authentication.ts';
import type { BodyBounds } from '../http/body.ts';
import { isNavigation } from '../http/browser.ts';
import { credentialsOf } from '../http/credentials.ts';
import { hostOf, portSuffix } from '../http/host-names.ts';
import { contentPolicy, securityHeaders } from '../http/html.ts';
import type { Origin } from '../http/origin.ts';
import { type Refusal, sendRefusal } from '../http/refusal.ts';
import { crossOriginRefusal } from '../isolation/cross-origin.ts';
import { isSameOrigin } from '../isolation/same-origin.ts';
import type { Limits } from '../limits.ts';
import type { Identity } from '../ports/identity.ts';
import type { Answer, BrowserRoute, Call, OpenRoute, Route, UserRoute } from '../ports/routes.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalTo } from '../refusals/of-denial.ts';
import type { ConcurrencyLimit } from '../throttling/concurrency-limit.ts';
import { CallRefused, IncomingCall } from './incoming-call.ts';
import { type Found, RouteTable } from './route-table.ts';

/** For this host only (RFC 6797): each device decides about its own. */
const hsts = 'max-age=31536000';

export interface OwnRoutesContext extends BodyBounds {
  readonly limits: Limits;
  readonly users: UserAuthentication;
  readonly audit: Audit;
  readonly userConcurrency: ConcurrencyLimit;
  /** Told of connections on which a user has authenticated. */
  readonly unauthenticated: { authenticated(socket: Duplex): void };
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
  readonly #table: RouteTable;

  /** Throws when two routes have the same method and path. */
  constructor(context: OwnRoutesContext, routes: readonly Route[]) {
    this.#context = context;
    this.#table = new RouteTable(routes);
  }

  /** Whether this is answered without a `Host`. */
  answersWithoutHost(request: IncomingMessage): boolean {
    const { route } = this.#find(request);
    return route?.access === 'anyone' && route.withoutHost === true;
  }

  /** Rejects only when the request breaks off. */
  async serve(request: IncomingMessage, response: ServerResponse, origin: Origin): Promise<void> {
    const { domain } = this.#context;
    if (origin.protocol === 'https') response.setHeader('Strict-Transport-Security', hsts);
    const found = this.#find(request);
    const { route } = found;
    const exchange = { request, response, origin, found };
    if (route?.access === 'anyone' && route.withoutHost) return this.#open(route, exchange);
    // Browsers log in on one host only; the hosts of devices send them there.
    if (hostOf(origin.authority).endsWith(`.${domain}`) && isNavigation(request)) {
      const Location = `${origin.protocol}://${domain}${portSuffix(origin.authority)}${request.url ?? '/'}`;
      return send(response, { status: 303, headers: { Location } });
    }
    if (route?.access === 'anyone') return this.#open(route, exchange);
    if (route?.access === 'browser') return this.#browser(route, exchange);
    if (found.refused?.access === 'anyone') return this.#refuse(exchange, notAllowed(found.allowed));
    return this.#user(route, exchange);
  }

  #find(request: IncomingMessage): Found {
    return this.#table.find(request.method ?? '', pathOf(request));
  }

  #open(route: OpenRoute, exchange: Exchange): Promise<void> {
    return this.#answer(exchange, () => route.answer(this.#call(exchange)));
  }

  async #browser(route: BrowserRoute, exchange: Exchange): Promise<void> {
    const { request, origin } = exchange;
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (!reads && !isSameOrigin(request, origin)) return this.#refuse(exchange, refusals.otherOrigin);
    const secure = origin.protocol === 'https';
    const session = () =>
      this.#context.users.session(request, { place: { kind: 'own' }, secure, address: origin.address });
    return this.#answer(exchange, () => route.answer(Object.assign(this.#call(exchange), { session })));
  }

  /** `route`: `undefined` for a path that does not exist. Only logged-in users learn that. */
  async #user(route: UserRoute | undefined, exchange: Exchange): Promise<void> {
    const { request, response, origin, found } = exchange;
    const { users, audit, userConcurrency, unauthenticated } = this.#context;
    const { address } = origin;
    const secure = origin.protocol === 'https';
    const identity = await users.authenticate(request, { place: { kind: 'own' }, secure, address });
    if (response.destroyed) return;
    if ('denied' in identity) {
      // A request without credentials is no event: the answer asks for them.
      if (credentialsOf(request) !== null) {
        const user = claimedName(request);
        audit.count({ event: 'log-in', allowed: false, user, address, reason: identity.denied });
      }
      if (!isNavigation(request)) return this.#refuse(exchange, refusalTo(request, identity));
      const Location = this.#context.logInAddress(request.url ?? '/');
      return send(response, { status: 303, headers: { Location } });
    }
    unauthenticated.authenticated(request.socket);
    const decision = { event: 'request', user: identity.user.name, by: identity.by, address };
    const refusal = crossOriginRefusal(request, origin, identity);
    if (refusal) {
      audit.count({ ...decision, allowed: false, reason: refusal.error });
      return this.#refuse(exchange, refusal);
    }
    audit.count({ ...decision, allowed: true });
    const end = userConcurrency.begin(identity.user.name);
    if (!end) {
      audit.count({ ...decision, allowed: false, reason: refusals.tooMuchUnderWay.error });
      return this.#refuse(exchange, refusals.tooMuchUnderWay);
    }
    response.once('close', end);
    if (!route)
      return this.#refuse(exchange, found.refused ? notAllowed(found.allowed) : refusals.nothingHere);
    return this.#answer(exchange, () => route.answer(userCall(this.#call(exchange), identity)));
  }

  async #answer(
    exchange: Exchange,
    answer: () => Answer | Refusal | null | Promise<Answer | Refusal | null>,
  ): Promise<void> {
    try {
      const result = await answer();
      if (result === null || exchange.response.destroyed) return;
      if ('error' in result) this.#refuse(exchange, result);
      else send(exchange.response, result);
    } catch (error) {
      if (!(error instanceof CallRefused)) throw error;
      this.#refuse(exchange, error.refusal);
    }
  }

  #refuse({ request, response, found }: Exchange, refusal: Refusal): void {
    sendRefusal(request, response, refusal, (found.route ?? found.refused)?.refuse?.(refusal));
  }

  #call({ request, response, origin, found }: Exchange): IncomingCall {
    return new IncomingCall(request, response, origin, found.parameters, this.#context);
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: Origin;
  readonly found: Found;
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function userCall(call: Call, identity: Identity) {
  return Object.assign(call, { identity });
}

function notAllowed(allowed: readonly string[]): Refusal {
  const others = allowed.slice(0, -1).join(', ');
  const which = others === '' ? `${allowed[0]} is` : `${others} and ${allowed.at(-1)} are`;
  return { status: 405, error: `only ${which} allowed here`, headers: { Allow: allowed.join(', ') } };
}

/** Fields that no route sets: those of the connection and of the message, and those that protect the host. */
const ofCore = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'set-cookie',
  'strict-transport-security',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers of the core come last, so that no route can replace them. */
function send(response: ServerResponse, answer: Answer): void {
  const {
    status,
    type,
    body = '',
    headers = {},
    cookies = [],
    maxAge = 0,
    formTargets = [],
    loads = [],
  } = answer;
  for (const [name, value] of Object.entries(headers)) {
    if (!ofCore.has(name.toLowerCase())) response.setHeader(name, value);
  }
  if (cookies.length > 0) response.setHeader('Set-Cookie', cookies);
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  if (maxAge > 0) response.setHeader('Cache-Control', `private, max-age=${Math.floor(maxAge)}`);
  if (formTargets.length > 0 || loads.length > 0) {
    response.setHeader('Content-Security-Policy', contentPolicy(formTargets, loads));
  }
  if (type !== undefined) response.setHeader('Content-Type', type);
  if (status !== 204) response.setHeader('Content-Length', Buffer.byteLength(body));
  response.writeHead(status);
  response.end(body);
}
