import type { Refusal } from '../http/refusal.ts';
import type { GrantedPort } from '../ports/rights.ts';

/** For a `Retry-After` of a few seconds. */
export const retry = { 'Retry-After': '5' };

/** Every refusal of the reflector, worded for a person. */
export const refusals = {
  badRequest: (error: string): Refusal => ({ status: 400, error }),
  logIn: {
    key: 'logIn',
    status: 401,
    error: 'Please log in',
    advice: 'Use the name and password of your account at this reflector.',
    headers: { 'WWW-Authenticate': 'Basic realm="Reflector", charset="UTF-8"' },
  },
  /** In a browser on the host of a device: for example, a form sent after the session has ended. */
  logInAgain: {
    key: 'logInAgain',
    status: 401,
    error: 'Please log in',
    advice: 'Open the device again, and log in.',
    link: '/',
    headers: { 'WWW-Authenticate': 'Bearer realm="Reflector"' },
  },
  /** To a program that speaks to a proxy: by CONNECT, or with `Proxy-Authorization`. */
  proxyLogIn: {
    key: 'proxyLogIn',
    status: 407,
    error: 'Please log in',
    advice: 'Use the name and password of your account at this reflector, or a token.',
    headers: { 'Proxy-Authenticate': 'Basic realm="Reflector", charset="UTF-8"' },
  },
  /** Of an account with one-time passwords by name and password alone. */
  oneTimePassword: {
    key: 'oneTimePassword',
    status: 401,
    error: 'This account needs a one-time password: log in for a token',
    advice: 'Name and password alone are not enough here. Programs take a token: rm-client login.',
    headers: { 'WWW-Authenticate': 'Bearer realm="Reflector"', 'X-Authenticate': 'TOTP' },
  },
  busy: {
    key: 'busy',
    status: 503,
    error: 'Too many log-ins at once',
    advice: 'Try again in a moment.',
    headers: retry,
  },
  storeUnavailable: {
    key: 'storeUnavailable',
    status: 503,
    error: 'The reflector cannot use its data just now',
    advice: 'Try again in a moment. Its log says what is wrong.',
    headers: retry,
  },
  stopping: {
    key: 'stopping',
    status: 503,
    error: 'The reflector is being restarted',
    advice: 'Try again in a moment.',
    headers: retry,
  },
  codeSpent: {
    key: 'codeSpent',
    status: 403,
    error: 'This way to the device is not good any more',
    advice: 'Open the device again.',
    link: '/',
  },
  nothingHere: { key: 'nothingHere', status: 404, error: 'There is nothing here' },
  otherOrigin: {
    key: 'otherOrigin',
    status: 403,
    error: 'A page of another host has asked for this',
    advice:
      'Open the device itself and try again there. If a proxy in front speaks TLS, name it with --trust-proxy.',
  },
  forPrograms: {
    key: 'forPrograms',
    status: 403,
    error: 'TCP connections are for programs, with a token or a password',
    advice: 'Use rm-client.',
  },
  /** Of an API key, for example. */
  forOwnHost: {
    key: 'forOwnHost',
    status: 403,
    error: 'These credentials do not open devices',
    advice: 'They are for the interfaces of the reflector only. Use a token or a password.',
  },
  noProxy: {
    key: 'noProxy',
    status: 403,
    error: 'CONNECT leads to ports of devices only',
    advice: 'Use DEVICE.DOMAIN:PORT. The reflector is no proxy for other hosts.',
  },
  serviceWorker: {
    key: 'serviceWorker',
    status: 403,
    error: 'Service workers are not possible on a host that several devices share',
  },
  unknownHost: {
    key: 'unknownHost',
    status: 404,
    error: 'There is no such host here',
    advice: 'Check the host name in the address.',
  },
  unknownDevice: (label: string): Refusal => ({
    key: 'unknownDevice',
    values: { device: label },
    status: 404,
    error: `There is no device “${label}”`,
    advice: 'Check the first part of the host name in the address.',
  }),
  offline: (id: string): Refusal => ({
    key: 'offline',
    values: { device: id },
    status: 503,
    error: `The device “${id}” is off line`,
    advice: 'It dials in by itself as soon as it has power and a network. Try again then.',
    headers: retry,
  }),
  notForwarded: (port: number): Refusal => ({
    key: 'notForwarded',
    values: { port },
    status: 403,
    error: `The device does not forward port ${port}`,
    advice:
      'Only ports listed in the configuration of its agent can be reached, and some of them at certain times only.',
  }),
  /** They see the device, and may open others of its ports, or none. */
  notGranted: ({ port, granted }: { port: number; granted: readonly GrantedPort[] }): Refusal => ({
    key: 'notGranted',
    values: { port, granted: inWords(granted) },
    status: 403,
    error: `You may not open port ${port} of this device: you may open ${inWords(granted)}`,
    advice: 'Ask an administrator for more.',
  }),
  noWebInterface: (id: string): Refusal => ({
    key: 'noWebInterface',
    values: { device: id },
    status: 502,
    error: `The device “${id}” forwards no web interface`,
    advice: 'A service of kind “http” must be listed in the configuration of its agent.',
  }),
  gone: {
    key: 'gone',
    status: 502,
    error: 'The device went away before it had answered',
    advice: 'It dials in again by itself. Try again in a moment.',
  },
  noAnswer: {
    key: 'noAnswer',
    status: 504,
    error: 'The device has not answered in time',
    advice:
      'Try again, or check whether the service on the device still runs. If somebody at the device has to agree, nobody has done so yet.',
  },
  inUse: {
    key: 'inUse',
    status: 503,
    error: 'All connections of the service on the device are in use',
    advice: 'Close other pages of this device, and try again.',
    headers: retry,
  },
  closedEarly: {
    key: 'closedEarly',
    status: 502,
    error: 'The device closed the connection without an answer',
    advice: 'The device is on line, and its service may be overloaded or faulty. Try again.',
  },
  tooMuchUnderWay: {
    key: 'tooMuchUnderWay',
    status: 429,
    error: 'You have too many connections open',
    advice: 'Close some of them, and try again.',
    headers: retry,
  },
  /** The service redirects to `https` (or `http`), which leads the browser to the same page again. */
  otherScheme: ({ kind, port }: { kind: 'https' | 'http'; port: number }): Refusal => ({
    key: 'otherScheme',
    values: { kind, port },
    status: 502,
    error: `The device leads to its page by ${kind}, on its port ${port}, which is not forwarded`,
    advice: `Add { "port": ${port}, "kind": "${kind}" } to “services” in the configuration of its agent, or switch this redirect off on the device.`,
  }),
  /** The service redirects to the same page under another host name. */
  otherHost: (host: string): Refusal => ({
    key: 'otherHost',
    values: { host },
    status: 502,
    error: `The device wants to be asked as ${host}, and leads to the same page again`,
    advice: `Set "host": "${host}" for this service in the configuration of its agent.`,
  }),
  /** `why`: what was wrong with it. */
  tooMuchAtDevice: {
    key: 'tooMuchAtDevice',
    status: 429,
    error: 'You have too many connections to this device open',
    advice: 'Close some of them, and try again. Others use the device as well.',
    headers: retry,
  },
  invalidAnswer: (why: string): Refusal => ({
    key: 'invalidAnswer',
    values: { why },
    status: 502,
    error: `The device's answer is not HTTP: ${why}`,
    advice:
      'Check whether this port is that of a web server. Browsers could not read this response either, or would not agree on it.',
  }),
  failed: {
    key: 'failed',
    status: 500,
    error: 'The reflector has failed',
    advice: 'Its log says how. Try again.',
  },
} as const satisfies Record<string, Refusal | ((subject: never) => Refusal)>;

function inWords(granted: readonly GrantedPort[]): string {
  if (granted.length === 0) return 'none of its ports';
  return granted.map((port) => (port === 'web' ? 'its web interface' : `port ${port}`)).join(', ');
}
