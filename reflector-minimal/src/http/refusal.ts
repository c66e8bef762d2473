import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Denied } from '../authentication/log-in.ts';
import { boundaryOf } from '../boundary.ts';
import { ClosedEarly, NoAnswer, NoConnection } from '../device-http/call-failure.ts';
import { InvalidAnswer } from '../device-http/invalid-answer.ts';
import { ChannelError, ChannelFailure, TunnelFull, TunnelLost } from '../ports/channel-failure.ts';
import { isBrowser } from './browser.ts';
import { credentialsOf } from './credentials.ts';
import { html, page, securityHeaders } from './html.ts';
import { endAndLinger, type Linger } from './linger.ts';

/** An answer of the reflector in place of the device's. */
export interface Refusal {
  readonly status: number;
  /** One sentence for the person: what happened. Programs find it in `X-PTTH-Error`. */
  readonly error: string;
  /** What the person may do about it. */
  readonly advice?: string;
  /** Where the person may go on. */
  readonly link?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

const retry = { 'Retry-After': '5' };

export const refusals = {
  badRequest: (error: string): Refusal => ({ status: 400, error }),
  logIn: {
    status: 401,
    error: 'Please log in',
    advice: 'Use the name and password of your account at this reflector.',
    headers: { 'WWW-Authenticate': 'Basic realm="Reflector", charset="UTF-8"' },
  },
  /** In a browser on the host of a device, where a form was sent after its session had ended, for example. */
  logInAgain: {
    status: 401,
    error: 'Please log in',
    advice: 'Open the device again, and log in.',
    link: '/',
    headers: { 'WWW-Authenticate': 'Bearer realm="Reflector"' },
  },
  /** To a program that speaks to a proxy: by CONNECT, or with `Proxy-Authorization`. */
  proxyLogIn: {
    status: 407,
    error: 'Please log in',
    advice: 'Use the name and password of your account at this reflector, or a token.',
    headers: { 'Proxy-Authenticate': 'Basic realm="Reflector", charset="UTF-8"' },
  },
  /** Of an account with one-time passwords by name and password alone. */
  oneTimePassword: {
    status: 401,
    error: 'This account needs a one-time password: log in for a token',
    advice: 'Name and password alone are not enough here. Programs take a token: rm-client login.',
    headers: { 'WWW-Authenticate': 'Bearer realm="Reflector"', 'X-Authenticate': 'TOTP' },
  },
  busy: { status: 503, error: 'Too many log-ins at once', advice: 'Try again in a moment.', headers: retry },
  storeUnavailable: {
    status: 503,
    error: 'The reflector cannot use its data file just now',
    advice: 'Try again in a moment. Its log says what is wrong.',
    headers: retry,
  },
  stopping: {
    status: 503,
    error: 'The reflector is being restarted',
    advice: 'Try again in a moment.',
    headers: retry,
  },
  codeSpent: {
    status: 403,
    error: 'This way to the device is not good any more',
    advice: 'Open the device again.',
    link: '/',
  },
  nothingHere: { status: 404, error: 'There is nothing here' },
  otherOrigin: {
    status: 403,
    error: 'A page of another host has asked for this',
    advice:
      'Open the device itself and try again there. If a proxy in front speaks TLS, name it with --trust-proxy.',
  },
  forPrograms: {
    status: 403,
    error: 'TCP connections are for programs, with a token or a password',
    advice: 'Use rm-client.',
  },
  noProxy: {
    status: 403,
    error: 'CONNECT leads to ports of devices only',
    advice: 'Use DEVICE.DOMAIN:PORT. The reflector is no proxy for other hosts.',
  },
  serviceWorker: {
    status: 403,
    error: 'Service workers are not possible on a host that several devices share',
  },
  unknownHost: {
    status: 404,
    error: 'There is no such host here',
    advice: 'Check the host name in the address.',
  },
  unknownDevice: (label: string): Refusal => ({
    status: 404,
    error: `There is no device “${label}”`,
    advice: 'Check the first part of the host name in the address.',
  }),
  offline: (id: string): Refusal => ({
    status: 503,
    error: `The device “${id}” is off line`,
    advice: 'It dials in by itself as soon as it has power and a network. Try again then.',
    headers: retry,
  }),
  notForwarded: (port: number): Refusal => ({
    status: 403,
    error: `The device does not forward port ${port}`,
    advice:
      'Only ports listed in the configuration of its agent can be reached, and some of them at certain times only.',
  }),
  noWebInterface: (id: string): Refusal => ({
    status: 502,
    error: `The device “${id}” forwards no web interface`,
    advice: 'A service of kind “http” must be listed in the configuration of its agent.',
  }),
  gone: {
    status: 502,
    error: 'The device went away before it had answered',
    advice: 'It dials in again by itself. Try again in a moment.',
  },
  noAnswer: {
    status: 504,
    error: 'The device has not answered in time',
    advice:
      'Try again, or check whether the service on the device still runs. If somebody at the device has to agree, nobody has done so yet.',
  },
  inUse: {
    status: 503,
    error: 'All connections of the service on the device are in use',
    advice: 'Close other pages of this device, and try again.',
    headers: retry,
  },
  closedEarly: {
    status: 502,
    error: 'The device closed the connection without an answer',
    advice: 'The device is on line, and its service may be overloaded or faulty. Try again.',
  },
  tooMuchUnderWay: {
    status: 429,
    error: 'You have too many connections open',
    advice: 'Close some of them, and try again.',
    headers: retry,
  },
  /** The service redirects to its page with TLS, or without, which leads the browser to the same page again. */
  otherScheme: ({ kind, port }: { kind: 'https' | 'http'; port: number }): Refusal => ({
    status: 502,
    error: `The device leads to its page by ${kind}, on its port ${port}, which is not forwarded`,
    advice: `Add { "port": ${port}, "kind": "${kind}" } to “services” in the configuration of its agent, or switch this redirect off on the device.`,
  }),
  /** The service redirects to the same page under a name of its own. */
  otherHost: (host: string): Refusal => ({
    status: 502,
    error: `The device wants to be asked as ${host}, and leads to the same page again`,
    advice: `Set "host": "${host}" for this service in the configuration of its agent.`,
  }),
  /** `why`: what was wrong with it. */
  tooMuchAtDevice: {
    status: 429,
    error: 'You have too many connections to this device open',
    advice: 'Close some of them, and try again. Others use the device as well.',
    headers: retry,
  },
  invalidAnswer: (why: string): Refusal => ({
    status: 502,
    error: `The device's answer is not HTTP: ${why}`,
    advice:
      'Check whether this port is that of a web server. Browsers could not read this response either, or would not agree on it.',
  }),
  failed: { status: 500, error: 'The reflector has failed', advice: 'Its log says how. Try again.' },
} as const satisfies Record<string, Refusal | ((subject: never) => Refusal)>;

/** Why somebody is not let in. */
export function refusalOf(denied: Denied): Refusal {
  switch (denied.denied) {
    case 'refused':
      return refusals.logIn;
    case 'busy':
      return refusals.busy;
    case 'oneTimePassword':
      return refusals.oneTimePassword;
    case 'throttled':
      return throttled(denied.waitMs);
  }
}

/** The same in the words of the header by which this request has brought its credentials. */
export function refusalTo(request: IncomingMessage, denied: Denied): Refusal {
  const byProxyHeader = credentialsOf(request)?.header === 'proxy-authorization' && !isBrowser(request);
  return denied.denied === 'refused' && byProxyHeader ? refusals.proxyLogIn : refusalOf(denied);
}

/** Too many failed log-ins (RFC 6585 section 4). */
function throttled(waitMs: number): Refusal {
  const seconds = Math.ceil(waitMs / 1000);
  return {
    status: 429,
    error: `Too many failed log-ins: try again in ${duration(seconds)}`,
    advice:
      'Somebody has tried several wrong passwords from your address, or for your account. If this goes on for long, somebody knows your password and guesses one-time passwords: change your password.',
    headers: { 'Retry-After': String(seconds) },
  };
}

/** For a person, who waits no shorter than that. */
function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`;
}

/** What a failed channel or request means for the user. */
export function refusalFor(error: unknown, port: number): Refusal {
  if (error instanceof InvalidAnswer) return refusals.invalidAnswer(error.message);
  if (error instanceof NoAnswer) return refusals.noAnswer;
  if (error instanceof NoConnection) return refusals.inUse;
  if (error instanceof ClosedEarly) return refusals.closedEarly;
  if (error instanceof TunnelLost) return refusals.gone;
  if (error instanceof TunnelFull) {
    return { status: 503, error: 'Too many connections to this device', headers: retry };
  }
  if (error instanceof ChannelFailure && error.stage === 'opening') {
    if (error.error === ChannelError.timeout) return refusals.noAnswer;
    if (error.error === ChannelError.notForwarded) return refusals.notForwarded(port);
    if (error.error === ChannelError.refused) {
      return {
        status: 502,
        error: `Nothing answers on port ${port} of the device`,
        advice:
          'The device is on line, but the service behind this port does not run, or somebody there has refused the access.',
      };
    }
  }
  if (error instanceof ChannelFailure && error.error === ChannelError.timeout) return refusals.noAnswer;
  return {
    status: 502,
    error: 'The connection to the service on the device has failed',
    advice: 'The device is on line, but its service gave no valid answer. Try again.',
  };
}

function wantsHtml(request: IncomingMessage): boolean {
  return /text\/html/i.test(request.headers.accept ?? '');
}

/** Sends the refusal as a page, or as one line of text to a program. The response must not have begun. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const { status, error, advice = '', link, headers = {} } = refusal;
  const asHtml = wantsHtml(request);
  const body = asHtml
    ? page(
        error,
        html`<h1>${error}</h1>
<p>${link === undefined ? advice : html`<a href="${link}">${advice}</a>`}</p>
<p class="status">${status} ${STATUS_CODES[status] ?? ''}</p>`,
      )
    : `${error}\n`;
  for (const [name, value] of Object.entries({ ...securityHeaders, ...headers }))
    response.setHeader(name, value);
  // A browser would ask for a password, remember it, and send it with whatever a page of anybody has it send. It acts on
  // no other scheme.
  if (status === 401 && isBrowser(request)) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="Reflector"');
  }
  response.setHeader('Content-Type', `text/${asHtml ? 'html' : 'plain'}; charset=utf-8`);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.setHeader('X-PTTH-Error', headerText(error));
  // Not the reason of a head that could not be written.
  response.writeHead(status, STATUS_CODES[status] ?? '');
  response.end(body);
}

/** Text that may stand in a header: ASCII, without control characters. */
export function headerText(text: string): string {
  return text.replace(/[“”]/g, '"').replace(/[^\x20-\x7e]/g, '?');
}

/**
 * A response on a connection that `node:http` has handed over because the request asked for an upgrade. `linger`: how
 * long the connection then waits for the user to close it.
 */
export function responseOn(request: IncomingMessage, socket: Duplex, linger: Linger): ServerResponse {
  const response = new ServerResponse(request);
  boundaryOf(socket)?.contain(response);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.on('finish', () => {
    response.detachSocket(socket as Socket);
    endAndLinger(socket, linger);
    // As `node:http` does on connections that it still has.
    process.nextTick(() => response.emit('close'));
  });
  return response;
}
