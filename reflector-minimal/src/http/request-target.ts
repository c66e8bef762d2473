import type { IncomingMessage } from 'node:http';
import { valuesOf } from './headers.ts';
import { hostOf } from './host-names.ts';

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Turns a target in absolute form (`GET http://pump-7.example/x`) into origin form. Clients send it to proxies, and every
 * server has to accept it (RFC 9112 section 3.2.2). A target that names another host or port than `Host` stays as it is.
 */
export function toOriginForm(request: IncomingMessage): void {
  if (request.url?.startsWith('/')) return;
  const match = /^(https?):\/\/([^/?#]+)(.*)$/is.exec(request.url ?? '');
  const [host] = valuesOf(request.rawHeaders, 'host');
  if (!match || host === undefined || request.method === 'CONNECT') return;
  const [, scheme = '', authority = '', rest = ''] = match;
  const name = hostOf(authority);
  const port = defaultPorts[scheme.toLowerCase()] ?? 0;
  if (name === '' || name !== hostOf(host) || portOf(authority, port) !== portOf(host, port)) return;
  // RFC 9112 section 3.2.4: a question about the server as a whole.
  if (rest === '') request.url = request.method === 'OPTIONS' ? '*' : '/';
  else request.url = rest.startsWith('/') ? rest : `/${rest}`;
}

function portOf(authority: string, byDefault: number): number {
  return Number(/:(\d+)$/.exec(authority)?.[1] ?? byDefault);
}
