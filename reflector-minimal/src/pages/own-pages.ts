import type { IncomingMessage, ServerResponse } from 'node:http';
import { claimedName } from '../authentication/user-authentication.ts';
import { isNavigation } from '../http/browser.ts';
import { credentialsOf } from '../http/credentials.ts';
import { hostOf, portSuffix } from '../http/host-names.ts';
import { contentPolicy, securityHeaders } from '../http/html.ts';
import type { Origin } from '../http/origin.ts';
import { sendRefusal } from '../http/refusal.ts';
import { crossOriginRefusal } from '../isolation/cross-origin.ts';
import { openDevice, openPath } from '../isolation/device-log-in.ts';
import { choosePath } from '../isolation/shared-host.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalTo } from '../refusals/of-denial.ts';
import { credentialOf } from '../users/identity.ts';
import { chooseDevice } from './choose-device.ts';
import type { PagesContext } from './context.ts';
import { deviceDetails, deviceOfPath } from './device-details.ts';
import { deviceList, deviceListPath } from './device-list.ts';
import { readDevicePage } from './device-page.ts';
import { sendToLogIn } from './exchange.ts';
import { isHealthCheck, serveHealth } from './health.ts';
import { landingPage } from './landing.ts';
import { serveLogIn } from './log-in.ts';
import { serveToken, tokenPath } from './token-endpoint.ts';

/** For this host alone (RFC 6797): of the hosts of devices, each device decides. */
const hsts = 'max-age=31536000';

/** The reflector's own pages and interfaces. Rejects only when the request breaks off. */
export async function serveOwnHost(
  context: PagesContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
): Promise<void> {
  if (origin.protocol === 'https') response.setHeader('Strict-Transport-Security', hsts);
  const path = (request.url ?? '').split('?', 1)[0];
  if (isHealthCheck(request)) return serveHealth(context, response);
  // There is one host to be logged in at: it is there that the hosts of devices send a browser.
  if (hostOf(origin.authority).endsWith(`.${context.domain}`) && isNavigation(request)) {
    return sendToDomain(context, request, response, origin);
  }
  if (path === tokenPath) return serveToken(context, request, response, origin);
  if (await serveLogIn(context, request, response, origin)) return;
  const identity = await context.users.authenticate(request, {
    place: { kind: 'own' },
    secure: origin.protocol === 'https',
    address: origin.address,
  });
  if (response.destroyed) return;
  if ('denied' in identity) {
    const { address } = origin;
    // Without credentials nothing was decided: everybody is asked for them.
    if (credentialsOf(request) !== null) {
      const user = claimedName(request);
      context.audit.count({ event: 'log-in', allowed: false, user, address, reason: identity.denied });
    }
    if (isNavigation(request)) return sendToLogIn(request, response);
    return sendRefusal(request, response, refusalTo(request, identity));
  }
  context.unauthenticated.authenticated(request.socket);
  const decision = {
    event: 'request',
    user: identity.user.name,
    by: credentialOf(identity),
    address: origin.address,
  };
  const refusal = crossOriginRefusal(request, origin, identity);
  if (refusal) {
    context.audit.count({ ...decision, allowed: false, reason: refusal.error });
    return sendRefusal(request, response, refusal);
  }
  context.audit.count({ ...decision, allowed: true });
  const end = context.userConcurrency.begin(identity.user.name);
  if (!end) {
    context.audit.count({ ...decision, allowed: false, reason: refusals.tooMuchUnderWay.error });
    return sendRefusal(request, response, refusals.tooMuchUnderWay);
  }
  response.once('close', end);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const page = readDevicePage(request.url ?? '', context.limits);
  if (path === deviceListPath && reads) {
    if ('wrong' in page) return sendRefusal(request, response, refusals.badRequest(page.wrong));
    return send(response, 200, 'application/json', await deviceList(context, identity.user, page));
  }
  const id = deviceOfPath(path ?? '');
  if (id !== null && reads) {
    const details = await deviceDetails(context, identity.user, id);
    if (details === null) {
      const unknown = refusals.unknownDevice(id);
      context.audit.count({ ...decision, allowed: false, reason: unknown.error });
      return sendRefusal(request, response, unknown);
    }
    return send(response, 200, 'application/json', details);
  }
  if (path === openPath && request.method === 'GET') {
    const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '');
    const opened = await openDevice(context, query, origin, identity);
    if ('status' in opened) return sendRefusal(request, response, opened);
    response.writeHead(303, { ...securityHeaders, Location: opened.location, 'Content-Length': 0 });
    response.end();
    return;
  }
  if (path === choosePath && request.method === 'POST') {
    const chosen = await chooseDevice(context, request, response, origin, identity);
    if ('status' in chosen) return sendRefusal(request, response, chosen);
    response.writeHead(303, { ...securityHeaders, Location: chosen.location, 'Content-Length': 0 });
    response.end();
    return;
  }
  if (path !== '/' || !reads) return sendRefusal(request, response, refusals.nothingHere);
  if ('wrong' in page) return sendRefusal(request, response, refusals.badRequest(page.wrong));
  // The form that chooses a device leads to it.
  const shared = `${origin.protocol}://${context.cookieHost}${portSuffix(origin.authority)}`;
  const policy = contentPolicy(context.cookieHost === null ? "'self'" : `'self' ${shared}`);
  send(response, 200, 'text/html; charset=utf-8', await landingPage(context, origin, identity, page), {
    'Content-Security-Policy': policy,
  });
}

function sendToDomain(
  { domain }: Pick<PagesContext, 'domain'>,
  request: IncomingMessage,
  response: ServerResponse,
  { protocol, authority }: Origin,
): void {
  const Location = `${protocol}://${domain}${portSuffix(authority)}${request.url ?? '/'}`;
  response.writeHead(303, { ...securityHeaders, Location, 'Content-Length': 0 });
  response.end();
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...securityHeaders,
    ...headers,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
