import { type Credentials, hostAndPort, parseHttpUri } from 'rm-protocol';

/** A proxy, as far as it matters for dialling through it. */
export interface ProxyServer {
  /**
   * `http` and `https`: CONNECT, over TLS with `https`. `socks5` and `socks5h`: SOCKS5, where the device, or with the
   * `h` the proxy, looks up the name of the destination; curl gives the schemes the same meaning.
   */
  readonly scheme: 'http' | 'https' | 'socks5' | 'socks5h';
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | null;
}

const ports = { http: 80, https: 443, socks5: 1080, socks5h: 1080 } as const;

const pattern = /^(https?|socks5h?):\/\/(?:([^@/]*)@)?([^@/]+)\/?$/i;

/**
 * Reads `SCHEME://[USER[:PASSWORD]@]HOST[:PORT]`, user and password percent-encoded and without control characters;
 * `null` when it is anything else.
 */
export function parseProxy(text: string): ProxyServer | null {
  const [, word = '', login, authority] = pattern.exec(text) ?? [];
  const scheme = word.toLowerCase() as ProxyServer['scheme'];
  const uri = authority === undefined ? null : parseHttpUri(`http://${authority}`);
  if (!uri) return null;
  const port = /:\d+$/.test(authority ?? '') ? uri.port : ports[scheme];
  if (login === undefined) return { scheme, host: uri.host, port, credentials: null };
  const [user = '', ...password] = login.split(':').map(decodePercent);
  // RFC 7617 section 2.
  if (/[\x00-\x1f\x7f]/.test(user + password.join(''))) return null;
  return { scheme, host: uri.host, port, credentials: { user, password: password.join(':') } };
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `HOST:PORT`, for messages; without user and password. */
export function proxyAuthority({ host, port }: ProxyServer): string {
  return hostAndPort(host, port);
}

/** `SCHEME://HOST:PORT`, for the log and `rm-agent status`; without user and password. */
export function describeProxy(proxy: ProxyServer): string {
  return `${proxy.scheme}://${proxyAuthority(proxy)}`;
}
