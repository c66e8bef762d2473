/**
 * The settings of `rm-reflector serve`, in one table: command-line option, environment variable, key of the JSON file,
 * help text and reference all come from it.
 */
export interface Setting {
  /** Key in the JSON file; the option is the same in kebab case, the variable in upper snake case after `RM_REFLECTOR_`. */
  readonly key: string;
  readonly kind: 'text' | 'flag' | 'list' | 'integer' | 'choice';
  readonly default: string | boolean | number | readonly string[] | null;
  /** What stands for the value in the help text. */
  readonly value: string;
  readonly help: string;
  /** Of an integer. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
}

export const settings = [
  {
    key: 'listen',
    kind: 'text',
    default: '127.0.0.1:8080',
    value: 'ADDRESS:PORT',
    help: 'where to listen; only this machine reaches 127.0.0.1. Port 0 takes any free one',
  },
  {
    key: 'domain',
    kind: 'text',
    default: 'localhost',
    value: 'NAME',
    help: 'a device is reached as DEVICE.NAME; browsers know *.localhost without any DNS entry',
  },
  {
    key: 'cookieHost',
    kind: 'text',
    default: null,
    value: 'NAME',
    help: 'second host name or address, where a user sees the device chosen on the page of devices; for those without DNS entries for each device, and weaker',
  },
  {
    key: 'tlsCert',
    kind: 'text',
    default: null,
    value: 'FILE',
    help: 'PEM file with the certificate chain; with it the reflector speaks TLS itself. Read again on SIGHUP',
  },
  { key: 'tlsKey', kind: 'text', default: null, value: 'FILE', help: 'PEM file with the private key' },
  {
    key: 'clientCa',
    kind: 'text',
    default: null,
    value: 'FILE',
    help: 'PEM file with the authorities whose certificates prove devices, see below; needs TLS of its own. Read again on SIGHUP',
  },
  {
    key: 'trustProxy',
    kind: 'list',
    default: [],
    value: 'ADDRESSES',
    help: 'addresses and networks, separated by commas, whose X-Forwarded-* headers are believed',
  },
  {
    key: 'unclaimed',
    kind: 'flag',
    default: false,
    value: '',
    help: 'remember unknown devices, for "device claim"; otherwise they are refused and forgotten',
  },
  {
    key: 'keepAlive',
    kind: 'integer',
    default: 300,
    min: 1,
    max: 86_400,
    value: 'SECONDS',
    help: 'longest silence of a tunnel; less than what the NATs and proxies on the way allow',
  },
  {
    key: 'responseTimeout',
    kind: 'integer',
    default: 120,
    min: 1,
    max: 86_400,
    value: 'SECONDS',
    help: 'how long a device may take to begin its answer, from the last byte of the request; a service may say otherwise',
  },
  {
    key: 'tokenLifetime',
    kind: 'integer',
    default: 28_800,
    min: 60,
    max: 31_536_000,
    value: 'SECONDS',
    help: 'how long a token of POST /my-devices/api/token is good',
  },
  {
    key: 'tokenByGet',
    kind: 'flag',
    default: false,
    value: '',
    help: 'GET /my-devices/api/token gives tokens too, as the gateway of the original needs it; name and password are then part of the address, which proxies on the way may log',
  },
  {
    key: 'sessionLifetime',
    kind: 'integer',
    default: 604_800,
    min: 60,
    max: 31_536_000,
    value: 'SECONDS',
    help: 'how long after log-in a browser must log in again in any case',
  },
  {
    key: 'sessionIdle',
    kind: 'integer',
    default: 43_200,
    // Uses are noted once a minute: less would end sessions that are in use.
    min: 120,
    max: 31_536_000,
    value: 'SECONDS',
    help: 'how long without a request before a browser must log in again',
  },
  {
    key: 'audit',
    kind: 'text',
    default: null,
    value: 'FILE',
    help: 'file for the audit log, of mode 0600; without it, its records are in the log, at level info',
  },
  {
    key: 'auditKeep',
    kind: 'integer',
    default: 30,
    min: 0,
    max: 36_500,
    value: 'DAYS',
    help: 'how many days of the audit log are kept in any case; older files are removed once there are more than 5',
  },
  {
    key: 'logLevel',
    kind: 'choice',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    value: 'LEVEL',
    help: 'one of debug, info, warn, error, silent; JSON lines on standard error',
  },
] as const satisfies readonly Setting[];

export type SettingKey = (typeof settings)[number]['key'];

/** `tlsCert` as the option `tls-cert`. */
export function optionName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `tlsCert` as the variable `RM_REFLECTOR_TLS_CERT`. */
export function variableName(key: string): string {
  return `RM_REFLECTOR_${optionName(key).replaceAll('-', '_').toUpperCase()}`;
}
