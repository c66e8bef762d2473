import { encodeServiceSettings, parseIp } from 'rm-protocol';
import { defaultLimits } from './limits.ts';
import { mqttSchema } from './mqtt.ts';
import {
  absentWith,
  choice,
  confidential,
  derived,
  flag,
  fromFile,
  type Input,
  integer,
  list,
  map,
  nullable,
  number,
  object,
  oneLine,
  optional,
  text,
  union,
  type Value,
  withDefault,
} from './schema.ts';
import { kindByPort } from './service-kind.ts';

/** False in a build without MQTT and the tunnel on demand (`npm run build -- --without mqtt`). */
declare const RM_MQTT: boolean | undefined;

/**
 * The schema of `/etc/rm-agent.json`. What each key means is in `reference/descriptions.ts`, which is not part of the
 * agent's executable; a test keeps the two together.
 */

/** Printable ASCII without space, `:` and `@`: what is left of `<id>@<domain>:<password>` (`webtunnel.md` section 1). */
export const identity = /^[!-9;-?A-~]+$/;
const absolutePath = /^\/[^\x00-\x1f\x7f]*$/;
/** A name, or an address: one of IPv6 has two colons at least, and `HOST:PORT` is neither. */
export const hostName = /^[A-Za-z0-9._-]+$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?$/;
/** The path of a local socket has at most 107 bytes (unix(7)). */
const serviceTarget = new RegExp(`${hostName.source}|^unix:/[^\\x00-\\x1f\\x7f]{1,106}$`);
/** `HOST[:PORT]` of a URI (RFC 3986 section 3.2); a port from 1 to 65,535. */
const authority =
  '(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])' +
  '(?::(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5]))?';
const reflectorUri = new RegExp(`^https?://${authority}(?:/[!-"$->@-~]*)?$`);
const proxyUri = new RegExp(
  `^(?:direct|env|(?:https?|socks5h?)://(?:[^\\x00-\\x20\\x7f/@:]+(?::[^\\x00-\\x20\\x7f/@]*)?@)?${authority}/?)$`,
);
const proxyPlace = new RegExp(`^(?:https?|socks5h?)://${authority}/?$`);
/** SPKI pin: base64 of a SHA-256 digest, as RFC 7469 section 2.1.1 writes it. */
const pin = /^sha256\/[A-Za-z0-9+/]{43}=$/;
/** `HOST[:PORT]` as `Host` has it (RFC 9110 section 7.2). */
const hostHeader = new RegExp(`^${authority}$`);
const requestPath = /^\/[!-~]*$/;
/** Property names that the agent itself sends (`webtunnel.md` section 1) are not free. */
const propertyName =
  /^(?!(?:targetHost|targetPorts|httpPath|name|version|tenant|service-\d+|(?:http|ssh|vnc|rdp|vpn|app)Port)$)[A-Za-z0-9_.-]+$/;

const path = text('an absolute path', absolutePath);
const label = text('text without control characters', oneLine, 256);

const secret = confidential(
  union(
    confidential(text()),
    object({ file: path }),
    object({ env: text('the name of an environment variable', /^[A-Za-z_]\w*$/) }),
  ),
);

const reflector = text('http://HOST[:PORT][/PATH] or https://…', reflectorUri);

const proxyText = confidential(
  text(
    '"direct", "env", or http://[USER:PASSWORD@]HOST[:PORT] or https://…, socks5://…, socks5h://…',
    proxyUri,
  ),
);

const proxyObject = object({
  // Somebody may write the password where it is not allowed.
  uri: confidential(text('http://HOST[:PORT] or https://…, socks5://…, socks5h://…', proxyPlace)),
  user: text('text without control characters and ":"', /^[^\x00-\x1f\x7f:]+$/, 255),
  password: withDefault(secret, ''),
});

const proxy = union(proxyText, proxyObject, list(union(proxyText, proxyObject), 1, defaultLimits.proxies));

export const ipAddress = text('an IP address', /^[0-9A-Fa-f:.]+$/, 45);

const command = union(
  text('a program and its arguments', /^ *[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$/),
  list(text(), 1, 64),
);

/** As `Date.getUTCDay` counts them. */
export const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** `HH:MM`. */
const timeOfDay = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

const window = object({
  days: withDefault(list(choice(...days), 1, 7), [...days]),
  from: text('a time from "00:00" to "23:59"', timeOfDay, 5),
  to: text('a time from "00:00" to "24:00"', new RegExp(`${timeOfDay.source}|^24:00$`), 5),
});

const access = object(
  {
    mode: withDefault(choice('always', 'window', 'consent'), 'always'),
    windows: withDefault(list(window, 0, 64), []),
    closing: withDefault(choice('end', 'keep'), 'end'),
    ask: optional(command),
    askTimeout: withDefault(integer(1, 3_600, 'seconds'), 60),
    idle: withDefault(integer(0, 86_400, 'seconds'), 300),
    pause: withDefault(integer(0, 86_400, 'seconds'), 10),
  },
  ({ mode, windows, ask }, report) => {
    if (mode === 'window' && windows.length === 0)
      report('windows', 'found none, needed is one with mode "window"');
    if (mode === 'always' && windows.length > 0)
      report('mode', 'found "always", allowed with windows are "window" and "consent"');
    if (mode !== 'consent' && ask !== null) report('mode', `found "${mode}", allowed with ask is "consent"`);
  },
);

const enroll = object({
  key: optional(secret),
  credential: withDefault(choice('secret', 'certificate'), 'secret'),
  hardware: optional(union(object({ command }), fromFile(text()))),
});

const device = object(
  {
    id: union(
      object({ command }),
      fromFile(text('printable ASCII without space, "@" and ":"', identity, 128)),
    ),
    domain: absentWith('enroll', text('printable ASCII without space, "@" and ":"', identity, 255)),
    password: withDefault(secret, ''),
    enroll: optional(enroll),
    auth: withDefault(choice('basic', 'digest'), 'basic'),
    name: optional(label),
    version: optional(label),
    tenant: optional(label),
    properties: withDefault(
      map(
        text(
          'letters, digits, "_", "." and "-", and none of the names that the agent sends itself',
          propertyName,
          64,
        ),
        union(text(), number(), flag(), object({ command })),
        64,
      ),
      {},
    ),
    propertiesInterval: withDefault(integer(0, 2_592_000, 'seconds'), 0),
  },
  ({ properties, enroll, password, auth }, report) => {
    if (enroll && password !== '') report('password', 'found with enroll, which makes the password itself');
    if (enroll && auth !== 'basic') report('auth', `found "${auth}", allowed with enroll is "basic"`);
    const length = Object.entries(properties).reduce(
      (sum, [name, value]) => sum + name.length + (typeof value === 'object' ? 0 : String(value).length),
      0,
    );
    const most = defaultLimits.propertiesLength;
    if (length > most) report('properties', `found ${length} characters in all, allowed are ${most}`);
  },
);

const pins = withDefault(list(text('"sha256/" and 44 characters of base64', pin), 0, 16), []);
const minVersion = withDefault(choice('1.2', '1.3'), '1.2');

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** Towards a service of kind `https`. */
const serviceTls = object(
  {
    verify: withDefault(flag(), false),
    name: optional(text('a host name or an IP address', hostName, 255)),
    ca: optional(path),
    cert: optional(path),
    key: optional(path),
    pins,
    // Old devices that a gateway stands before know no other; RFC 8996 says why nobody else should.
    minVersion:
      typeof RM_GATEWAY === 'undefined' || RM_GATEWAY
        ? withDefault(choice('1.0', '1.1', '1.2', '1.3'), '1.2')
        : minVersion,
  },
  ({ verify, name, ca, cert, key }, report) => {
    for (const member of ['name', 'ca'] as const) {
      if (!verify && { name, ca }[member] !== null)
        report(member, 'found with "verify": false, allowed is it with "verify": true');
    }
    if (key !== null && cert === null) report('cert', 'missing, needed is the certificate of key');
  },
);

const service = object(
  {
    port: integer(1, 65_535),
    kind: derived(choice('http', 'https', 'ssh', 'vnc', 'rdp', 'vpn', 'app', 'tcp'), 'tcp', kindByPort),
    path: optional(text('a path that starts with "/"', requestPath)),
    name: optional(label),
    target: optional(
      text('a host name, an IP address or "unix:/PATH" (its port is "targetPort")', serviceTarget, 255),
    ),
    targetPort: optional(integer(1, 65_535)),
    tls: optional(serviceTls),
    host: optional(text('HOST[:PORT]', hostHeader, 261)),
    forwarded: withDefault(flag(), true),
    headers: withDefault(choice('all', 'few'), 'all'),
    connections: optional(integer(1, 64)),
    responseTimeout: optional(integer(1, 86_400, 'seconds')),
    access: optional(access),
  },
  (value, report) => {
    if (value.path !== null && value.kind !== 'http' && value.kind !== 'https') {
      report('path', `found for kind "${value.kind}", allowed is a path for "http" and "https" only`);
    }
    if (value.tls !== null && value.kind !== 'https')
      report('tls', `found for kind "${value.kind}", allowed is it for "https" only`);
    if (value.targetPort !== null && value.target?.startsWith('unix:'))
      report('targetPort', 'found for a local socket, which has no port');
  },
);

const tls = object(
  {
    ca: optional(path),
    cert: optional(path),
    key: optional(path),
    pins,
    pinMode: withDefault(choice('add', 'replace'), 'add'),
    minVersion,
    verify: withDefault(flag(), true),
    clock: withDefault(choice('build', 'system'), 'build'),
  },
  (value, report) => {
    if (value.pinMode === 'replace' && value.pins.length === 0)
      report('pinMode', 'found "replace" without tls.pins, allowed is it with at least one pin');
    if (value.key !== null && value.cert === null)
      report('cert', 'missing, needed is the certificate of tls.key');
  },
);

const timeouts = object({
  connect: withDefault(integer(1, 600, 'seconds'), 10),
  local: withDefault(integer(1, 604_800, 'seconds'), 7_200),
  keepAlive: withDefault(integer(1, 86_400, 'seconds'), 300),
});

const reconnect = object(
  {
    min: withDefault(integer(1, 3_600, 'seconds'), 1),
    max: withDefault(integer(1, 86_400, 'seconds'), 300),
    refusedMax: optional(integer(1, 86_400, 'seconds')),
  },
  ({ min, max, refusedMax }, report) => {
    if (min > max) report('min', `found ${min}, allowed is at most reconnect.max (${max})`);
    if (refusedMax !== null && refusedMax < max) {
      report('refusedMax', `found ${refusedMax}, allowed is at least reconnect.max (${max})`);
    }
  },
);

const limits = object(
  {
    windowBytes: withDefault(integer(2_048, 16_777_216, 'bytes'), defaultLimits.windowBytes),
    frameBytes: withDefault(integer(2_048, 1_048_576, 'bytes'), defaultLimits.frameBytes),
    channels: withDefault(integer(1, 65_535), defaultLimits.channels),
    totalBytes: withDefault(integer(65_536, 1_073_741_824, 'bytes'), defaultLimits.totalBytes),
    stallMs: withDefault(integer(100, 600_000, 'milliseconds'), defaultLimits.stallMs),
    memoryBytes: optional(integer(1_048_576, 2_147_483_647, 'bytes')),
  },
  ({ windowBytes, frameBytes, totalBytes, memoryBytes }, report) => {
    if (frameBytes > windowBytes) {
      report('frameBytes', `found ${frameBytes}, allowed is at most limits.windowBytes (${windowBytes})`);
    }
    if (windowBytes > totalBytes) {
      report('windowBytes', `found ${windowBytes}, allowed is at most limits.totalBytes (${totalBytes})`);
    }
    if (memoryBytes !== null && memoryBytes < 2 * totalBytes) {
      report(
        'memoryBytes',
        `found ${memoryBytes}, allowed is at least twice limits.totalBytes (${totalBytes})`,
      );
    }
  },
);

const log = object({
  level: withDefault(choice('error', 'warning', 'info', 'debug'), 'info'),
  priorities: withDefault(choice('auto', 'always', 'never'), 'auto'),
  to: withDefault(
    union(
      choice('stderr', 'syslog'),
      object({ file: path, maxBytes: withDefault(integer(4_096, 1_073_741_824, 'bytes'), 262_144) }),
    ),
    'stderr',
  ),
});

export const configurationSchema = object(
  {
    $schema: optional(text()),
    reflector: union(reflector, list(reflector, 1, defaultLimits.reflectors)),
    addresses: withDefault(
      map(text('a host name', /^[a-z0-9._-]+$/, 255), list(ipAddress, 1, defaultLimits.addresses), 16),
      {},
    ),
    upgrade: withDefault(object({ method: withDefault(choice('GET', 'POST'), 'GET') }), {}),
    device,
    target: withDefault(
      text('a host name or an IP address (the port is "targetPort" of the service)', hostName, 255),
      '127.0.0.1',
    ),
    services: list(service, 1, 256, 'port'),
    tls: withDefault(tls, {}),
    proxy: optional(proxy),
    timeouts: withDefault(timeouts, {}),
    reconnect: withDefault(reconnect, {}),
    limits: withDefault(limits, {}),
    access: withDefault(access, {}),
    notify: optional(
      object({
        command,
        arguments: withDefault(choice('none', 'event'), 'none'),
        timeout: withDefault(integer(1, 300, 'seconds'), 10),
      }),
    ),
    start: withDefault(
      choice(
        'enabled',
        'disabled',
        ...(typeof RM_MQTT === 'undefined' || RM_MQTT ? (['onDemand'] as const) : []),
      ),
      'enabled',
    ),
    onDemand: withDefault(
      object({
        idle: withDefault(integer(10, 86_400, 'seconds'), 300),
        longest: withDefault(integer(10, 2_592_000, 'seconds'), 28_800),
      }),
      {},
    ),
    ...(typeof RM_MQTT === 'undefined' || RM_MQTT
      ? { mqtt: optional(mqttSchema(secret, tls, authority)) }
      : {}),
    // The path of a local socket is at most 107 bytes (unix(7)), and it is made under a longer name.
    control: withDefault(nullable(text('an absolute path', absolutePath, 100)), '/run/rm-agent.sock'),
    stateFile: withDefault(nullable(path), '/var/lib/rm-agent.state'),
    log: withDefault(log, {}),
  },
  ({ access, services, control, addresses, device, stateFile, tls, start, mqtt }, report) => {
    if ((typeof RM_MQTT === 'undefined' || RM_MQTT) && start === 'onDemand' && control === null && !mqtt)
      report('control', 'found null, needed is a socket, or mqtt, because somebody must ask for the tunnel');
    if (device.enroll && stateFile === null)
      report('stateFile', 'found null, needed is a file, because device.enroll keeps its secret there');
    if (device.enroll?.credential === 'certificate' && tls.cert !== null)
      report('tls', 'found with a certificate, which device.enroll gets itself');
    const unanswerable = (rule: typeof access | null) => rule?.mode === 'consent' && rule.ask === null;
    if (control === null && [access, ...services.map((one) => one.access)].some(unanswerable))
      report('control', 'found null, needed is a socket, or access.ask, because somebody must consent');
    const length = services.reduce((sum, one) => sum + (encodeServiceSettings(one)?.value.length ?? 0), 0);
    const most = defaultLimits.serviceSettingsLength;
    if (length > most) {
      report('services', `found ${length} characters of settings for the reflector, allowed are ${most}`);
    }
    for (const [name, list] of Object.entries(addresses)) {
      for (const address of list) {
        if (!parseIp(address))
          report('addresses', `found "${address}" for ${name}, allowed is an IP address`);
      }
    }
  },
);

/** What a configuration file may hold. */
export type ConfigurationFile = Input<typeof configurationSchema>;

/** A complete, valid configuration: what an absent key means is filled in. */
export type Configuration = Value<typeof configurationSchema>;
export type Service = Configuration['services'][number];
export type PropertyValue = Configuration['device']['properties'][string];
/** Proxies, or how to find them, in the order in which they are tried. */
export type ProxyEntry = Exclude<NonNullable<Configuration['proxy']>, readonly unknown[]>;
/** Text, or where to read it; `secret.ts` reads it. */
export type Secret = Configuration['device']['password'];
