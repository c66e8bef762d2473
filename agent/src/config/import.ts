import { hostAndPort } from 'rm-protocol';
import { importLog } from './import-log.ts';
import type { Json, JsonObject } from './json.ts';
import { type ImportFacts, Properties, parseProperties } from './properties-file.ts';
import type { Problem } from './validate.ts';

export interface Imported {
  /** The configuration; a key that the file does not set is absent. */
  readonly json: JsonObject;
  /** What has no counterpart or needs attention, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Makes a configuration out of the text of a `WebTunnelAgent.properties`: no key is lost without a warning. `check` finds
 * the problems of the configuration; it is passed in because the tiny host loads this module for one command only.
 */
export function importProperties(
  text: string,
  facts: ImportFacts,
  check: (json: JsonObject) => readonly Problem[],
): Imported {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  const properties = new Properties(parseProperties(text), facts, warn);
  const reflector = properties.take('webtunnel.reflectorURI');
  const accept = properties.takeFlag('tls.acceptUnknownCertificate');
  const json = withoutAbsent({
    reflector,
    device: importDevice(properties, warn),
    target: properties.take('webtunnel.host'),
    services: importServices(properties, accept, warn),
    tls: importTls(properties, accept, /^https:/i.test(reflector ?? ''), warn),
    proxy: importProxy(properties, warn),
    timeouts: withoutAbsent({
      connect: importConnectTimeout(properties, warn),
      local: properties.takeInteger('webtunnel.localTimeout'),
      keepAlive: properties.takeInteger('webtunnel.remoteTimeout'),
    }),
    notify: importNotify(properties),
    log: importLog(properties, warn),
  });
  for (const key of properties.unused) warn(`${key}: ${reasonFor(key)}, left out`);

  for (const { path, message } of check(json)) warn(`to be corrected in the result: ${path}: ${message}`);
  return { json, warnings };
}

type Warn = (message: string) => void;

/** Without `null` and without members that are empty objects. */
export function withoutAbsent(object: Readonly<Record<string, Json>>): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== null && (typeof value !== 'object' || Object.keys(value).length > 0),
    ),
  );
}

/** Why a key has no counterpart; the first that matches. `*` is any text, `(a|b)` either. */
const reasons: readonly (readonly [keys: string, reason: string])[] = [
  ['webtunnel.threads', 'not needed, one event loop serves all channels'],
  ['webtunnel.userAgent', 'the agent names itself and its version, which the reflector shows'],
  ['webtunnel.throttle.*', 'the agent does not limit its bandwidth'],
  ['http.proxy.*', 'the proxy is off or its host is missing'],
  ['(tls|webtunnel.https).ciphers', 'the TLS library offers only what is safe'],
  ['webtunnel.https.*', 'there is no web server that needs HTTPS'],
  ['logging.channels.*.(pattern|times|formatter)', 'the form of a log line is fixed'],
  ['logging.channels.*.time', 'the file is rotated by its size'],
  ['logging.channels.*.(archive|purgeAge|purgeCount)', 'one old file is kept, with .1 at its end'],
  ['logging.channels.*.compress', 'the old file is not compressed'],
  ['logging.channels.*.name', 'the tag in the system log is rm-agent'],
  ['logging.channels.*.facility', 'the facility in the system log is daemon'],
  ['logging.channels.*.(class|path|rotation)', 'the root logger does not use this channel'],
  ['logging.loggers.*', 'there is one log for everything'],
  ['logging.formatters.*', 'the form of a log line is fixed'],
];

function reasonFor(key: string): string {
  const matches = (keys: string) =>
    new RegExp(`^${keys.replace(/\./g, '\\.').replace(/\*/g, '.*')}$`).test(key);
  return reasons.find(([keys]) => matches(keys))?.[1] ?? 'no counterpart';
}

/** The original has no identity but its user name, of which the two other keys are only parts. */
function importIdentity(properties: Properties, warn: Warn): { id: string | null; domain: string | null } {
  const id = properties.take('webtunnel.deviceId');
  const domain = properties.take('webtunnel.domain');
  const username = properties.take('webtunnel.username');
  if (username === null || username === `${id}@${domain}`) return { id, domain };
  const [, user = null, group = null] = /^([^@]+)@([^@]+)$/.exec(username) ?? [];
  if (user === null) {
    warn(
      `webtunnel.username: "${username}" is not <deviceId>@<domain>, left out: the agent logs in as "${id}@${domain}", by which the reflector has to know it`,
    );
    return { id, domain };
  }
  for (const [key, part, counts] of [
    ['deviceId', id, user],
    ['domain', domain, group],
  ]) {
    if (part !== null && part !== counts)
      warn(`webtunnel.${key}: "${part}" does not count: the original logs in as "${username}", left out`);
  }
  return { id: user, domain: group };
}

function importDevice(properties: Properties, warn: Warn): JsonObject {
  const { id, domain } = importIdentity(properties, warn);
  const password = properties.take('webtunnel.password');
  if (password !== null) {
    warn(
      'webtunnel.password: taken over as text; better is a file of mode 600: "password": { "file": "/etc/rm-agent.secret" }',
    );
  }
  return withoutAbsent({
    id,
    domain,
    password,
    name: properties.take('webtunnel.deviceName'),
    version: properties.take('webtunnel.deviceVersion'),
    tenant: properties.take('webtunnel.tenant'),
    properties: importCustomProperties(properties, warn),
    propertiesInterval: properties.takeInteger('webtunnel.propertiesUpdateInterval'),
  });
}

function importCustomProperties(properties: Properties, warn: Warn): JsonObject {
  const prefix = 'webtunnel.properties.';
  const result: Record<string, Json> = {};
  for (const key of properties.unused.filter((name) => name.startsWith(prefix))) {
    const value = properties.take(key) ?? '';
    const command = /^`(.*)`$/s.exec(value)?.[1]?.trim();
    if (command !== undefined)
      warn(
        `${key}: the value is the first line that the command prints; the original takes all lines, and those on standard error`,
      );
    result[key.slice(prefix.length)] =
      command === undefined ? value : { command: importCommand(key, command, warn) };
  }
  return result;
}

/** The original runs commands in a shell; this agent only does so if the shell is named. */
function importCommand(key: string, command: string, warn: Warn): Json {
  if (/^[\w ./:,@+-]*$/.test(command)) return command;
  warn(`${key}: its command needs a shell, which is now named: ["/bin/sh", "-c", …]`);
  return ['/bin/sh', '-c', command];
}

const kinds = ['http', 'ssh', 'vnc', 'rdp', 'vpn', 'app'] as const;

function importServices(properties: Properties, accept: boolean | null, warn: Warn): Json[] {
  const ports = new Set<number>();
  for (const word of properties.take('webtunnel.ports')?.split(/[;,]/) ?? []) {
    const port = Number(word);
    if (word.trim() === '') continue;
    if (Number.isInteger(port) && port >= 1 && port <= 65_535) ports.add(port);
    else warn(`webtunnel.ports: "${word.trim()}" is not a port, left out`);
  }

  const kindOf = new Map<number, string>();
  for (const kind of kinds) {
    const key = `webtunnel.${kind}Port`;
    // The original takes a web server on port 80 for granted.
    const port = properties.takeInteger(key) ?? (kind === 'http' ? 80 : null);
    if (port === null || port === 0) continue;
    const other = kindOf.get(port);
    if (other !== undefined) warn(`${key}: port ${port} is of kind "${other}" already, left out`);
    else if (ports.has(port)) kindOf.set(port, kind);
    else if (kind !== 'http' || port !== 80) warn(`${key}: port ${port} is not in webtunnel.ports, left out`);
  }

  const https =
    properties.takeFlag('webtunnel.https.enable') ?? properties.takeFlag('webtunnel.httpsRequired');
  const path = properties.take('webtunnel.httpPath');
  const services = [...ports].map((port): JsonObject => {
    const kind = kindOf.get(port) ?? 'tcp';
    if (kind !== 'http') return { port, kind };
    return withoutAbsent({
      port,
      kind: https ? 'https' : 'http',
      path: path === null || path.startsWith('/') ? path : `/${path}`,
      tls: https ? importServiceTls(properties, accept, warn) : null,
    });
  });
  const web = services.some(({ kind }) => kind === 'http' || kind === 'https');
  if (!web && path !== null) warn('webtunnel.httpPath: there is no web server, left out');
  if (!web && https) warn('webtunnel.https.enable: there is no web server, left out');
  return services;
}

/** The original verifies only when it is also told not to accept unknown certificates, and names only when asked to. */
function importServiceTls(properties: Properties, accept: boolean | null, warn: Warn): JsonObject {
  const prefix = 'webtunnel.https';
  const given = properties.take(`${prefix}.verification`);
  const verification = given ?? 'relaxed';
  const names = properties.takeFlag(`${prefix}.extendedCertificateVerification`) ?? false;
  const ca = properties.take(`${prefix}.caLocation`);
  const verify = verification !== 'none' && accept === false;
  if (verification !== 'none' && verification !== 'relaxed' && verification !== 'strict')
    warn(`${prefix}.verification: "${verification}" is unknown; it is taken for "relaxed"`);
  if (given !== null && given !== 'none' && !verify)
    warn(
      `${prefix}.verification: the original accepts unknown certificates, so the certificate of the service is not checked; see services[].tls`,
    );
  if (verify && !names)
    warn(
      `${prefix}.extendedCertificateVerification: the name in the certificate is checked as well; if it is not that of the host, give it as services[].tls.name`,
    );
  if (!verify && names)
    warn(`${prefix}.extendedCertificateVerification: the certificate is not checked, left out`);
  if (!verify && ca !== null) warn(`${prefix}.caLocation: the certificate is not checked, left out`);
  return withoutAbsent({
    verify: verify || null,
    ca: verify ? ca : null,
    cert: properties.take(`${prefix}.certificate`),
    key: properties.take(`${prefix}.privateKey`),
    minVersion: importMinVersion(`${prefix}.minVersion`, properties, warn),
  });
}

function importTls(properties: Properties, accept: boolean | null, secure: boolean, warn: Warn): JsonObject {
  const off = 'tls.verify is false: anybody on the way can pose as the reflector';
  let verify: boolean | null = null;
  if (accept) {
    warn(`tls.acceptUnknownCertificate: ${off}`);
    verify = false;
  }
  const verification = properties.take('tls.verification');
  if (verification === 'none') {
    warn(`tls.verification: ${off}`);
    verify = false;
  } else if (verification !== null && verification !== 'relaxed' && verification !== 'strict') {
    warn(`tls.verification: "${verification}" is unknown; the certificate is verified`);
  }
  if (accept === null && verify === null && secure)
    warn(
      'tls.acceptUnknownCertificate: MISSING, which for the original means to accept any certificate of the reflector; this agent verifies it. If no public authority has signed it, give the authority as "tls": { "ca": "/path.pem" }, or pin its key (tls.pins); "rm-agent check" tells whether it is trusted',
    );
  const names = properties.takeFlag('tls.extendedCertificateVerification');
  if (names === false && verify === null) {
    warn(
      'tls.extendedCertificateVerification: false has no counterpart; the host name in the certificate is verified',
    );
  }
  if (names && verify === false)
    warn('tls.extendedCertificateVerification: the certificate is not verified, left out');
  return withoutAbsent({
    ca: properties.take('tls.caLocation'),
    cert: properties.take('tls.certificateFile') ?? properties.take('tls.certificate'),
    key: properties.take('tls.privateKeyFile') ?? properties.take('tls.privateKey'),
    minVersion: importMinVersion('tls.minVersion', properties, warn),
    verify,
  });
}

function importMinVersion(key: string, properties: Properties, warn: Warn): string | null {
  const version = properties.take(key);
  if (version === null) return null;
  if (version === 'tlsv1_3') return '1.3';
  if (version !== 'tlsv1_2') warn(`${key}: "${version}" has no counterpart; the oldest version is TLS 1.2`);
  return '1.2';
}

/** The original has one time for services and one for the reflector. */
function importConnectTimeout(properties: Properties, warn: Warn): number | null {
  const local = properties.takeInteger('webtunnel.connectTimeout');
  const http = properties.takeInteger('http.timeout');
  if (local !== null && http !== null && http !== local)
    warn(
      `http.timeout: timeouts.connect, ${local} s of webtunnel.connectTimeout, is for the reflector as well, left out`,
    );
  if (local === null && http !== null)
    warn('http.timeout: it has become timeouts.connect, which is for local services as well');
  return local ?? http;
}

/** The original waits for the program as long as it runs. */
function importNotify(properties: Properties): JsonObject | null {
  const program = properties.take('webtunnel.status.notify');
  return program === null ? null : { command: [program], arguments: 'event', timeout: 300 };
}

function importProxy(properties: Properties, warn: Warn): string | null {
  const enabled = properties.takeFlag('http.proxy.enable');
  const place = enabled === false ? null : importProxyPlace(properties, enabled === true, warn);
  if (place === null) return null;
  const user = properties.take('http.proxy.username');
  const password = properties.take('http.proxy.password');
  const kept = 'the password is taken over as text in "proxy"; set the mode of the file to 600';
  let { credentials } = place;
  if (credentials !== null) {
    if (credentials.includes(':')) warn(`http.proxy.url: ${kept}`);
    if (user !== null) warn('http.proxy.username: that of http.proxy.url counts, left out');
    if (password !== null) warn('http.proxy.password: that of http.proxy.url counts, left out');
  } else if (user !== null) {
    if (password !== null) warn(`http.proxy.password: ${kept}`);
    credentials = `${percentEncoded(user)}:${percentEncoded(password ?? '')}`;
  } else if (password !== null) {
    warn('http.proxy.password: there is no http.proxy.username, left out');
  }
  return `${place.scheme}://${credentials === null ? '' : `${credentials}@`}${place.authority}`;
}

interface ProxyPlace {
  readonly scheme: string;
  /** `HOST[:PORT]`. */
  readonly authority: string;
  /** `USER:PASSWORD`, percent-encoded. */
  readonly credentials: string | null;
}

function importProxyPlace(properties: Properties, enabled: boolean, warn: Warn): ProxyPlace | null {
  const url = properties.take('http.proxy.url');
  if (url !== null) {
    const [, scheme = 'http', credentials = null, authority] =
      /^(?:(https?):\/\/)?(?:([^@/]*)@)?([^@/]+)\/?$/i.exec(url) ?? [];
    if (authority !== undefined) {
      for (const key of ['http.proxy.host', 'http.proxy.port'])
        if (properties.take(key) !== null) warn(`${key}: http.proxy.url counts, left out`);
      return { scheme: scheme.toLowerCase(), authority, credentials };
    }
    warn('http.proxy.url: it is not http://[USER:PASSWORD@]HOST[:PORT], left out');
  }
  const host = enabled ? properties.take('http.proxy.host') : null;
  if (host === null) return null;
  const port = properties.takeInteger('http.proxy.port') ?? 80;
  return { scheme: 'http', authority: hostAndPort(host, port), credentials: null };
}

/** Percent-encoded but for `${…}`, which is expanded later. */
function percentEncoded(text: string): string {
  return text
    .split(/(\$\{[^}]*\})/)
    .map((part, index) => (index % 2 === 1 ? part : encodeURIComponent(part)))
    .join('');
}
