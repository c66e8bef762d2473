import type { Device } from '../api/types.ts';

/** Something that a device forwards. Pages in the browser for `terminal` and `desktop` open by kind and port. */
export interface Service {
  readonly kind: 'web' | 'terminal' | 'desktop' | 'rdp' | 'port';
  readonly port: number;
}

type Ports = Pick<Device, 'ports' | 'httpPort' | 'sshPort' | 'vncPort' | 'rdpPort'>;

/** What is known by kind first, then the other ports in order. */
export function servicesOf({ ports, httpPort, sshPort, vncPort, rdpPort }: Ports): Service[] {
  const known: readonly (readonly [Service['kind'], number | null])[] = [
    ['web', httpPort],
    ['terminal', sshPort],
    ['desktop', vncPort],
    ['rdp', rdpPort],
  ];
  const named = known.flatMap(([kind, port]) => (port === null ? [] : [{ kind, port }]));
  const others = ports.filter((port) => !named.some((one) => one.port === port));
  return [...named, ...others.toSorted((a, b) => a - b).map((port) => ({ kind: 'port' as const, port }))];
}

type Openable = Pick<Device, 'openPorts' | 'properties'>;

/** Whether the user may open it. Services of kind `https` are web interfaces, too, by the same rule as the reflector's. */
export function mayOpen({ kind, port }: Service, { openPorts, properties }: Openable): boolean {
  if (openPorts === null || openPorts.includes(port)) return true;
  const [, said] =
    /(?:^|;)\s*kind\s*=\s*([^;]*?)\s*(?:;|$)/.exec(properties.system[`service-${port}`] ?? '') ?? [];
  const isWeb = kind === 'web' || (said === undefined ? port === 443 : said === 'https');
  return isWeb && openPorts.includes('web');
}

/** A line for a shell that opens it from a desk (docs/client.md). */
export function clientLine({ kind, port }: Service, device: string, reflector: string, user: string): string {
  const at = `--reflector ${reflector} --user ${shellWord(user)}`;
  switch (kind) {
    case 'terminal':
      return `rm-client ssh ${at} -R ${port} root@${device}`;
    case 'desktop':
      return `rm-client vnc ${at} -R ${port} ${device}`;
    case 'rdp':
      return `rm-client rdp ${at} -R ${port} ${device}`;
    default:
      return `rm-client forward ${at} -R ${port} ${device}`;
  }
}

/** Names of users may have any letters. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Where the web interface of a device is, on a host of its own below this one. */
export function webAddress(
  { id, properties }: Pick<Device, 'id' | 'properties'>,
  { protocol, host }: { readonly protocol: string; readonly host: string },
): string {
  const said = properties.system.httpPath ?? '/';
  // The same rule as the reflector's.
  const path = /^\/(?![/\\])[\x21-\x7e]*$/.test(said) ? said : '/';
  return `${protocol}//${id}.${host}${path}`;
}
