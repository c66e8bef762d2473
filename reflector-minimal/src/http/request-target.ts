import type { IncomingMessage } from 'node:http';
import { valuesOf } from './headers.ts';
import { hostOf } from './host-names.ts';

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Makes origin form of a target in absolute form (`GET http://pump-7.example/x`), which every server has to accept
 * (RFC 9112 section 3.2.2) and which clients send to a proxy. Only if it names the host and port that `Host` names: then
 * there is one host, as everybody reads it. Any other target stays as it is.
 */
export function toOriginForm(request: IncomingMessage): void {
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
