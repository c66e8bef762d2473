import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asciiLowerCase } from '../ascii-case.ts';
import type { Audit } from '../audit/audit.ts';
import type { StoreCache } from '../cache/store-cache.ts';
import { namedDevice } from '../devices/named-device.ts';
import { type Destination, portSuffix } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import { securityHeaders } from '../http/page.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Identity } from '../ports/identity.ts';
import type { Rights } from '../ports/rights.ts';
import type { DeviceIdentity } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { secretsOf, setCookie } from '../sessions/cookies.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { DeviceChoices } from './choices.ts';
import type { OneTimeCodes } from './device-codes.ts';
import { changePath, chosenDevice, leaveBehind, sharedKey, sharedPlace } from './shared-host.ts';

/*
 * How a browser that is logged in on the reflector's own host gets a session on the host of a device, which has cookies
 * of its own:
 *
 *   DEVICE.DOMAIN/page                    303, and a nonce in a cookie of this host
 *   DOMAIN/my-devices/open                logs in, if need be; 303 with a one-time code for this host and nonce
 *   DEVICE.DOMAIN/.rm-reflector/session   takes code and nonce for a session in a cookie of this host; 303
 *   DEVICE.DOMAIN/page                    the device
 *
 * What begins with /.rm-reflector/ never reaches a device. No page is ever shown at an address with a code, so that none
 * is in a `Referer` or in the history. Without the nonce another's code is worth nothing: neither can a device's page
 * that reads one log in with it, nor can it make somebody's browser log in with a code of its own.
 */

export interface DeviceLogInContext {
  readonly cache: Pick<StoreCache, 'device'>;
  readonly rights: Rights;
  readonly sessions: Sessions;
  readonly choices: DeviceChoices;
  readonly deviceCodes: OneTimeCodes;
  readonly audit: Audit;
  /** Ends what goes on by a session that has ended. */
  readonly revocation: { check(): Promise<void> };
  /** The domain whose labels are devices, in lower case. */
  readonly domain: string;
  /** The host that devices share, in lower case; `null`: there is none. */
  readonly cookieHost: string | null;
}

/** On the reflector's own host. */
export const openPath = '/my-devices/open';
/** On hosts of devices. */
const sessionPath = '/.rm-reflector/session';

/** Whether a target on the host of a device is the reflector's. */
export function isReserved({ url }: Pick<IncomingMessage, 'url'>): boolean {
  return /^\/\.rm-reflector(?:[/?#]|$)/.test(url ?? '');
}

/** Longest target to which a browser returns after log-in; with a longer one it goes to `/`. */
const targetLength = 2048;

/** A path with its query on this host; no spelling of it leads to another host. */
function safeTarget(target: string | null): string {
  const fits = target !== null && target.length <= targetLength;
  return fits && /^\/(?![/\\])[\x21-\x7e]*$/.test(target) && !isReserved({ url: target }) ? target : '/';
}

/** The nonce of this browser on this host. If there are several, somebody has planted one, and none is trusted. */
function nonceOf(request: IncomingMessage, secure: boolean): string | null {
  const [nonce = '', ...more] = secretsOf(request.rawHeaders, 'nonce', secure);
  return more.length === 0 && /^[\w-]{22}$/.test(nonce) ? nonce : null;
}

/** Where a device is shown: the label of its own host, or `sharedKey`. */
export type DeviceHost = Extract<Destination, { kind: 'device' | 'shared' }>;

function keyOf(host: DeviceHost): string {
  return host.kind === 'device' ? host.label : sharedKey;
}

/** Sends a browser without a session on this host to the reflector's own host; `to`: where it comes back to. */
export function beginDeviceLogIn(
  { domain }: Pick<DeviceLogInContext, 'domain'>,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
  host: DeviceHost,
  to: string | null = request.url ?? null,
  choice: string | null = null,
): void {
  const secure = origin.protocol === 'https';
  // Several tabs may log in at once: they share one nonce.
  const nonce = nonceOf(request, secure) ?? randomBytes(16).toString('base64url');
  const query = new URLSearchParams({ host: keyOf(host), nonce, to: safeTarget(to) });
  if (choice !== null && /^[\w-]{1,400}$/.test(choice)) query.set('choice', choice);
  const authority = `${domain}${portSuffix(origin.authority)}`;
  redirect(response, `${origin.protocol}://${authority}${openPath}?${query}`, [
    setCookie('nonce', nonce, secure),
  ]);
}

/** `openPath`: where a logged-in browser goes for a session on the host of a device, with a one-time code. */
export async function openDevice(
  context: DeviceLogInContext,
  query: Pick<URLSearchParams, 'get'>,
  origin: Origin,
  identity: Identity,
): Promise<Refusal | { readonly location: string }> {
  const { user, session } = identity;
  const { audit, choices, cookieHost, deviceCodes, domain, cache, rights } = context;
  const host = asciiLowerCase(query.get('host') ?? '');
  const nonce = query.get('nonce') ?? '';
  if (session?.kind !== 'own') return refusals.logIn;
  const refused = (refusal: Refusal) => {
    const { address } = origin;
    const reason = refusal.error;
    audit.count({ event: 'device-session', allowed: false, user: user.name, by: 'session', address, reason });
    return refusal;
  };
  if (!/^[\w-]{22}$/.test(nonce)) return refused(refusals.codeSpent);
  const shared = host === sharedKey && cookieHost !== null;
  const label = shared ? choices.chosen(session, query.get('choice')) : host;
  // Nothing is chosen yet. The page of devices offers it.
  if (label === null) return { location: '/' };
  const device = await namedDevice(cache, label);
  if (!device || !(await rights.deviceAccess(identity, device)))
    return refused(refusals.unknownDevice(label));
  const code = deviceCodes.issue(session, shared ? sharedPlace(label) : label, { host, nonce });
  const to = new URLSearchParams({ code, to: safeTarget(query.get('to')) });
  const name = shared ? cookieHost : `${label}.${domain}`;
  return { location: `${origin.protocol}://${name}${portSuffix(origin.authority)}${sessionPath}?${to}` };
}

/** Answers what begins with /.rm-reflector/ on the host of a device, or returns a refusal. */
export async function answerReserved(
  context: DeviceLogInContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
  host: DeviceHost,
): Promise<Refusal | null> {
  const path = (request.url ?? '').split('?', 1)[0];
  if (request.method === 'GET' && path === sessionPath) {
    return takeCode(context, request, response, origin, host);
  }
  if (request.method === 'GET' && path === changePath && host.kind === 'shared') {
    const query = queryOf(request);
    beginDeviceLogIn(context, request, response, origin, host, query.get('to'), query.get('choice'));
    return null;
  }
  return refusals.nothingHere;
}

async function takeCode(
  context: DeviceLogInContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
  host: DeviceHost,
): Promise<Refusal | null> {
  const { revocation, audit, deviceCodes, sessions } = context;
  const { address } = origin;
  const secure = origin.protocol === 'https';
  const query = queryOf(request);
  const nonce = nonceOf(request, secure);
  const issued =
    nonce === null ? null : await deviceCodes.redeem(query.get('code') ?? '', { host: keyOf(host), nonce });
  const parent = issued && (await sessions.present(issued.session));
  const agent = request.headers['user-agent'] ?? '';
  const created =
    parent &&
    (await sessions.create(parent.user, { kind: 'device', device: issued.device, parent, address, agent }));
  const label = issued?.device.replace(sharedKey, '') ?? (host.kind === 'device' ? host.label : '');
  const named = await namedDevice(context.cache, label);
  const device = named?.id;
  if (!created) {
    const reason = refusals.codeSpent.error;
    audit.count({ event: 'device-session', allowed: false, address, device, reason });
    return refusals.codeSpent;
  }
  const user = parent.user.name;
  audit.record({ event: 'device-session', allowed: true, user, by: 'session', address, device });
  const target = `${origin.protocol}://${origin.authority}${safeTarget(query.get('to'))}`;
  if (host.kind === 'device') {
    const left = named && seenBefore(request, secure, named) ? leaveBehind(request.rawHeaders) : null;
    for (const [name, value] of Object.entries(left?.fields ?? {})) response.setHeader(name, value);
    const cookies = [setCookie('device', created.secret, secure)];
    if (named) cookies.push(setCookie('record', named.uid, secure));
    redirect(response, target, [...(left?.cookies ?? []), ...cookies]);
    return null;
  }
  const former = await chosenDevice(context.sessions, request, secure);
  if (former?.identity.session) await sessions.end(former.identity.session);
  await revocation.check();
  const { fields, cookies } = leaveBehind(request.rawHeaders);
  for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
  redirect(response, target, [...cookies, setCookie('device', `${created.secret}.${label}`, secure)]);
  return null;
}

/**
 * Whether this browser may still have data of a former device of the same ID on this host: its cookie says so, or it has no
 * cookie that rules it out.
 */
function seenBefore(request: IncomingMessage, secure: boolean, { uid, handedOver }: DeviceIdentity): boolean {
  const seen = secretsOf(request.rawHeaders, 'record', secure);
  return seen.length > 0 ? seen.some((record) => record !== uid) : handedOver;
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '';
  return new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
}

function redirect(response: ServerResponse, location: string, cookies: readonly string[] = []): void {
  response.writeHead(303, {
    ...securityHeaders,
    Location: location,
    ...(cookies.length > 0 && { 'Set-Cookie': [...cookies] }),
    'Content-Length': 0,
  });
  response.end();
}
