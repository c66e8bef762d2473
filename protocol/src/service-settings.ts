import type { Property } from './property.ts';

/** What the reflector may know of one service in order to ask it as a browser beside it would. */
export interface AnnouncedService {
  readonly port: number;
  readonly kind: string;
  /** The host that it runs on, where that is not the one of all services; `unix:` and the path of a local socket. */
  readonly target: string | null;
  /** Its port there, where that is not `port`. */
  readonly targetPort: number | null;
  /** The value of `Host`, `host[:port]`, in place of the name that the device has at the reflector. */
  readonly host: string | null;
  /** Whether it gets `X-Forwarded-*`. */
  readonly forwarded: boolean;
  /** `few`: without what browsers add to every request and small devices do not need. */
  readonly headers: 'all' | 'few';
  /** HTTP connections that it takes at once, 1 to 64; `null`: unknown. */
  readonly connections: number | null;
  /** Seconds until its answer begins; `null`: as the reflector has it. */
  readonly responseTimeout: number | null;
}

/**
 * The property `service-PORT` of a service: `name=value` pairs between `; `, of what is not the default, or `null` when all
 * is. A reflector that does not know it shows it as a custom property.
 */
export function encodeServiceSettings(service: AnnouncedService): Property | null {
  const { port, kind, target, targetPort, host, forwarded, headers, connections, responseTimeout } = service;
  const pairs: string[] = [];
  const add = (name: string, value: string | number | null) => {
    if (value !== null) pairs.push(`${name}=${value}`);
  };
  add('kind', kind === 'https' ? kind : null);
  add('target', target?.startsWith('unix:') ? null : target);
  add('targetPort', targetPort);
  add('host', host);
  add('forwarded', forwarded ? null : 'no');
  add('headers', headers === 'all' ? null : headers);
  add('connections', connections);
  add('responseTimeout', responseTimeout);
  return pairs.length === 0 ? null : { name: `service-${port}`, value: pairs.join('; ') };
}
