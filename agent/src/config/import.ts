import { configurationSchema } from './configuration.ts';
import { importLog } from './import-log.ts';
import type { Json, JsonObject } from './json.ts';
import { Properties, parseProperties } from './properties-file.ts';
import { validate } from './validate.ts';

export interface Imported {
  /** The configuration; a key that the file does not set is absent. */
  readonly json: JsonObject;
  /** What has no counterpart or needs attention, one line each. */
  readonly warnings: readonly string[];
}

/** Makes a configuration out of the text of a `WebTunnelAgent.properties`. */
export function importProperties(text: string): Imported {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  const properties = new Properties(parseProperties(text), warn);
  const json = withoutAbsent({
    reflector: properties.take('webtunnel.reflectorURI'),
    device: importDevice(properties, warn),
    target: properties.take('webtunnel.host'),
    services: importServices(properties, warn),
    tls: importTls(properties, warn),
    proxy: importProxy(properties, warn),
    timeouts: withoutAbsent({
      connect: properties.takeInteger('webtunnel.connectTimeout'),
      local: properties.takeInteger('webtunnel.localTimeout'),
      keepAlive: properties.takeInteger('webtunnel.remoteTimeout'),
    }),
    log: importLog(properties, warn),
  });
  for (const key of properties.unused) warn(`${key}: ${reasonFor(key)}, left out`);

  const result = validate(configurationSchema, json, (source) => source.replace(/\$\{[^}]*\}/g, '0'));
  if ('problems' in result) {
    for (const { path, message } of result.problems)
      warn(`to be corrected in the result: ${path}: ${message}`);
  }
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

const reasons: readonly (readonly [key: RegExp, reason: string])[] = [
  [/^webtunnel\.threads$/, 'not needed, one event loop serves all channels'],
  [/^logging\..*\.pattern$/, 'the form of a log line is fixed'],
  [/^webtunnel\.userAgent$/, 'the agent names itself'],
  [/^http\.timeout$/, 'timeouts.connect is for the reflector as well'],
  [/^http\.proxy\./, 'the proxy is off or its host is missing'],
  [/^(?:tls|webtunnel\.https)\.ciphers$/, 'the TLS library offers only what is safe'],
];

function reasonFor(key: string): string {
  return reasons.find(([pattern]) => pattern.test(key))?.[1] ?? 'no counterpart';
}

function importDevice(properties: Properties, warn: Warn): JsonObject {
  const id = properties.take('webtunnel.deviceId');
  const domain = properties.take('webtunnel.domain');
  const username = properties.take('webtunnel.username');
  if (username !== null && username !== `${id}@${domain}`) {
    warn(
      `webtunnel.username: "${username}" is not <deviceId>@<domain>, which is what the agent sends, left out`,
    );
  }
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
    result[key.slice(prefix.length)] =
      command === undefined ? value : { command: importCommand(key, command, warn) };
  }
  return result;
}

/** The original runs commands in a shell; ours does so only when it is told to. */
function importCommand(key: string, command: string, warn: Warn): Json {
  if (/^[\w ./:,@+-]*$/.test(command)) return command;
  warn(`${key}: its command needs a shell, which is now named: ["/bin/sh", "-c", …]`);
  return ['/bin/sh', '-c', command];
}

const kinds = ['http', 'ssh', 'vnc', 'rdp', 'vpn', 'app'] as const;

function importServices(properties: Properties, warn: Warn): Json[] {
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
  const services = [...ports].map((port) => {
    const kind = kindOf.get(port) ?? 'tcp';
    if (kind !== 'http') return { port, kind };
    const service = { port, kind: https ? 'https' : 'http' };
    return path === null ? service : { ...service, path: path.startsWith('/') ? path : `/${path}` };
  });
  const web = services.some(({ kind }) => kind === 'http' || kind === 'https');
  if (!web && path !== null) warn('webtunnel.httpPath: there is no web server, left out');
  if (!web && https) warn('webtunnel.https.enable: there is no web server, left out');
  return services;
}

function importTls(properties: Properties, warn: Warn): JsonObject {
  const off = 'tls.verify is false: anybody on the way can pose as the reflector';
  let verify: boolean | null = null;
  if (properties.takeFlag('tls.acceptUnknownCertificate')) {
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
  if (properties.takeFlag('tls.extendedCertificateVerification') === false && verify === null) {
    warn(
      'tls.extendedCertificateVerification: false has no counterpart; the host name in the certificate is verified',
    );
  }
  return withoutAbsent({
    ca: properties.take('tls.caLocation'),
    cert: properties.take('tls.certificateFile') ?? properties.take('tls.certificate'),
    key: properties.take('tls.privateKeyFile') ?? properties.take('tls.privateKey'),
    minVersion: importMinVersion(properties, warn),
    verify,
  });
}

function importMinVersion(properties: Properties, warn: Warn): string | null {
  const version = properties.take('tls.minVersion');
  if (version === null) return null;
  if (version === 'tlsv1_3') return '1.3';
  if (version !== 'tlsv1_2')
    warn(`tls.minVersion: "${version}" has no counterpart; the oldest version is TLS 1.2`);
  return '1.2';
}

function importProxy(properties: Properties, warn: Warn): string | null {
  if (!properties.takeFlag('http.proxy.enable')) return null;
  const host = properties.take('http.proxy.host');
  if (host === null) return null;
  const port = properties.takeInteger('http.proxy.port') ?? 80;
  const username = properties.take('http.proxy.username');
  const password = properties.take('http.proxy.password');
  if (password !== null)
    warn('http.proxy.password: taken over as text in "proxy"; set the mode of the file to 600');
  const credentials =
    username === null ? '' : `${percentEncoded(username)}:${percentEncoded(password ?? '')}@`;
  return `http://${credentials}${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Percent-encoded but for `${…}`, which is expanded later. */
function percentEncoded(text: string): string {
  return text
    .split(/(\$\{[^}]*\})/)
    .map((part, index) => (index % 2 === 1 ? part : encodeURIComponent(part)))
    .join('');
}
