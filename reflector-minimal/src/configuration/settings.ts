import {
  addresses,
  choice,
  count,
  days,
  domainName,
  file,
  flag,
  hostName,
  optional,
  reflectorUrls,
  type SettingType,
  seconds,
  socketAddress,
} from './setting-types.ts';

export interface Setting<Value = unknown> {
  readonly type: SettingType<Value>;
  /** As it would be given; `null`: nothing. */
  readonly default: string | boolean | number | readonly string[] | null;
  readonly help: string;
}

/**
 * The settings of `rm-reflector serve`, by their key in the JSON file: command-line option, environment variable, help text
 * and reference all come from this table.
 */
export const settings = {
  listen: {
    type: socketAddress,
    default: '127.0.0.1:8080',
    help: 'address and port to listen on; 127.0.0.1 is reachable from this machine only, port 0 takes any free port',
  },
  domain: {
    type: domainName,
    default: 'localhost',
    help: 'devices are at DEVICE.NAME; *.localhost needs no DNS entry in browsers',
  },
  cookieHost: {
    type: optional(hostName),
    default: null,
    help: 'second host name that shows the device chosen on the page of devices, if you have no wildcard DNS entry; isolates devices less',
  },
  tlsCert: {
    type: optional(file),
    default: null,
    help: 'PEM file with the certificate chain; makes the reflector speak TLS itself. SIGHUP reads it again',
  },
  tlsKey: {
    type: optional(file),
    default: null,
    help: 'PEM file with the private key',
  },
  clientCa: {
    type: optional(file),
    default: null,
    help: 'PEM file with the authorities that sign device certificates; needs --tls-cert. SIGHUP reads it again',
  },
  trustProxy: {
    type: addresses,
    default: [],
    help: 'comma-separated addresses and networks of proxies whose X-Forwarded-* headers are trusted',
  },
  proxyProtocol: {
    type: flag,
    default: false,
    help: 'connections from --trust-proxy begin with a header of the PROXY protocol, version 1 or 2, that names the user or device; the proxy passes TLS on, so it needs --tls-cert',
  },
  unclaimed: {
    type: flag,
    default: false,
    help: 'remember unknown devices, so that you can accept them with "device claim"',
  },
  keepAlive: {
    type: seconds(1, 86_400),
    default: 300,
    help: 'longest silence of a tunnel; choose less than the NATs and proxies on the way allow',
  },
  tunnels: {
    // As many as one process has descriptors and processor time for.
    type: count(1, 200_000),
    default: 16_000,
    help: 'devices that may be connected to one process at a time; the bounds that go with it grow beyond 16000 as well. Each device takes memory and a file descriptor',
  },
  responseTimeout: {
    type: seconds(1, 86_400),
    default: 120,
    help: 'how long a device may take to begin its response after the last byte of the request; a service can set its own time',
  },
  tokenLifetime: {
    type: seconds(60, 31_536_000),
    default: 28_800,
    help: 'how long a token from /my-devices/api/token is valid',
  },
  tokenByGet: {
    type: flag,
    default: false,
    help: 'also issue tokens for GET /my-devices/api/token, which the original gateway needs; proxies may log the password, as it is part of the address',
  },
  sessionLifetime: {
    type: seconds(60, 31_536_000),
    default: 604_800,
    help: 'longest time between log-in and the next log-in of a browser',
  },
  sessionIdle: {
    // Uses are noted once a minute: less would end sessions that are in use.
    type: seconds(120, 31_536_000),
    default: 43_200,
    help: 'time without a request after which a browser must log in again',
  },
  drain: {
    type: seconds(0, 3_600),
    default: 0,
    help: 'time over which SIGTERM closes the tunnels before the reflector stops, so that the devices go to others behind the same load balancer one after the other; 0 stops at once',
  },
  redirect: {
    type: reflectorUrls,
    default: [],
    help: 'comma-separated URLs of other reflectors, to which devices are sent by 302 in turn while this one drains or has no room',
  },
  audit: {
    type: optional(file),
    default: null,
    help: 'file for the audit log, of mode 0600; without it, the records are part of the log, at level info',
  },
  auditKeep: {
    type: days(0, 36_500),
    default: 30,
    help: 'days for which audit files are kept in any case; older ones are removed once there are more than 5',
  },
  logLevel: {
    type: choice('LEVEL', 'debug', 'info', 'warn', 'error', 'silent'),
    default: 'info',
    help: 'one of debug, info, warn, error, silent; JSON lines on standard error',
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingKey = keyof typeof settings;

/** `tlsCert` as the option `tls-cert`. */
export function optionName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `tlsCert` as the variable `RM_REFLECTOR_TLS_CERT` of the program `rm-reflector`. */
export function variableName(key: string, program = 'rm-reflector'): string {
  return `${program}-${optionName(key)}`.replaceAll('-', '_').toUpperCase();
}
