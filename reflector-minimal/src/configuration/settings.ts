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
    help: 'address and port to listen on; 127.0.0.1 is reachable from this machine only, port 0 takes any free port',
  },
  {
    key: 'domain',
    kind: 'text',
    default: 'localhost',
    value: 'NAME',
    help: 'devices are at DEVICE.NAME; *.localhost needs no DNS entry in browsers',
  },
  {
    key: 'cookieHost',
    kind: 'text',
    default: null,
    value: 'NAME',
    help: 'second host name that shows the device chosen on the page of devices, if you have no wildcard DNS entry; isolates devices less',
  },
  {
    key: 'tlsCert',
    kind: 'text',
    default: null,
    value: 'FILE',
    help: 'PEM file with the certificate chain; makes the reflector speak TLS itself. SIGHUP reads it again',
  },
  { key: 'tlsKey', kind: 'text', default: null, value: 'FILE', help: 'PEM file with the private key' },
  {
    key: 'clientCa',
    kind: 'text',
    default: null,
    value: 'FILE',
    help: 'PEM file with the authorities that sign device certificates; needs --tls-cert. SIGHUP reads it again',
  },
  {
    key: 'trustProxy',
    kind: 'list',
    default: [],
    value: 'ADDRESSES',
    help: 'comma-separated addresses and networks of proxies whose X-Forwarded-* headers are trusted',
  },
  {
    key: 'unclaimed',
    kind: 'flag',
    default: false,
    value: '',
    help: 'remember unknown devices, so that you can accept them with "device claim"',
  },
  {
    key: 'keepAlive',
    kind: 'integer',
    default: 300,
    min: 1,
    max: 86_400,
    value: 'SECONDS',
    help: 'longest silence of a tunnel; choose less than the NATs and proxies on the way allow',
  },
  {
    key: 'responseTimeout',
    kind: 'integer',
    default: 120,
    min: 1,
    max: 86_400,
    value: 'SECONDS',
    help: 'how long a device may take to begin its response after the last byte of the request; a service can set its own time',
  },
  {
    key: 'tokenLifetime',
    kind: 'integer',
    default: 28_800,
    min: 60,
    max: 31_536_000,
    value: 'SECONDS',
    help: 'how long a token from /my-devices/api/token is valid',
  },
  {
    key: 'tokenByGet',
    kind: 'flag',
    default: false,
    value: '',
    help: 'also issue tokens for GET /my-devices/api/token, which the original gateway needs; proxies may log the password, as it is part of the address',
  },
  {
    key: 'sessionLifetime',
    kind: 'integer',
    default: 604_800,
    min: 60,
    max: 31_536_000,
    value: 'SECONDS',
    help: 'longest time between log-in and the next log-in of a browser',
  },
  {
    key: 'sessionIdle',
    kind: 'integer',
    default: 43_200,
    // Uses are noted once a minute: less would end sessions that are in use.
    min: 120,
    max: 31_536_000,
    value: 'SECONDS',
    help: 'time without a request after which a browser must log in again',
  },
  {
    key: 'audit',
    kind: 'text',
    default: null,
    value: 'FILE',
    help: 'file for the audit log, of mode 0600; without it, the records are part of the log, at level info',
  },
  {
    key: 'auditKeep',
    kind: 'integer',
    default: 30,
    min: 0,
    max: 36_500,
    value: 'DAYS',
    help: 'days for which audit files are kept in any case; older ones are removed once there are more than 5',
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
