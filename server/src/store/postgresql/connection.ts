import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import type { PoolConfig } from 'pg';
import { StoreError } from 'rm-reflector/ports';
import { type DatabaseHost, Hosts } from './hosts.ts';

/** Where the database is, and how the reflector logs in. */
export interface PostgresqlAddress {
  /**
   * `postgresql://USER@HOST:PORT/DATABASE`, without a password. A host that is a folder, such as
   * `postgresql://USER@%2Frun%2Fpostgresql/DATABASE`, is that of a Unix socket. Of several, as in `HOST:PORT,HOST:PORT`, at most
   * {@link mostHosts}, the one that takes changes is used; `?target_session_attrs=read-write` or `=primary` may say so.
   */
  readonly url: string;
  /**
   * Where the password is: a regular file, a variable of the environment, or a function. It is read for each connection, so that
   * it can be replaced while the program runs. None by default.
   */
  readonly password?: { readonly file: string } | { readonly env: string } | (() => string | Promise<string>);
  /**
   * `verify-full`, the default: the server proves by a certificate that it is the host of `url`. `off`: neither is proven
   * and everything crosses the network as it is. A Unix socket needs neither.
   */
  readonly tls?: 'verify-full' | 'off';
  /** PEM file of the authorities that the certificate may be from; those of Node by default. */
  readonly ca?: string;
}

/** Hosts of one URL: each that cannot be used costs a call the time for connecting. */
export const mostHosts = 8;

/** `hosts`: shared by all connections that are made with it. */
export type ConnectionConfig = PoolConfig & { readonly hosts: Hosts };

/** What `pg` is to do, and what there is to warn of. Throws {@link StoreError}. */
export function connectionOf(address: PostgresqlAddress): {
  readonly config: ConnectionConfig;
  readonly warning: string | null;
} {
  const urls = urlsOf(address.url).map(parse);
  const [url] = urls as [URL];
  if (urls.length > mostHosts) throw new StoreError(`the database: its URL has more than ${mostHosts} hosts`);
  const { tls = 'verify-full' } = address;
  if (tls !== 'verify-full' && tls !== 'off') {
    throw new StoreError(`the database: tls is ${JSON.stringify(tls)}; "verify-full" and "off" are allowed`);
  }
  const hosts = urls.map((one) => hostOf(one, tls, address.ca));
  const config: ConnectionConfig = {
    ...(hosts[0] as DatabaseHost),
    hosts: new Hosts(hosts),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    password: () => passwordOf(address.password),
    application_name: 'rm-reflector',
  };
  const open = urls.filter((_url, at) => tls === 'off' && !isSocket(hosts[at] as DatabaseHost));
  const warning =
    open.length > 0
      ? `the database at ${open.map(({ host }) => host).join(', ')}: TLS is off; whoever is on the way can read and change everything, also the password`
      : null;
  return { config, warning };
}

function hostOf(url: URL, tls: PostgresqlAddress['tls'], ca: string | undefined): DatabaseHost {
  const host = decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const port = url.port === '' ? 5432 : Number(url.port);
  if (tls === 'off' || isSocket({ host })) return { host, port, ssl: false };
  return {
    host,
    port,
    ssl: {
      ...authorities(ca),
      checkServerIdentity: (_name, peer) => checkServerIdentity(host, peer),
      ...(isIP(host) ? {} : { servername: host }),
    },
  };
}

function isSocket({ host }: Pick<DatabaseHost, 'host'>): boolean {
  return host.startsWith('/');
}

/** For a message that says where a password goes. */
export function hasPassword(url: string): boolean {
  return urlsOf(url).some((one) => URL.canParse(one) && new URL(one).password !== '');
}

/** One for each of its hosts: `URL` knows no list of them. */
function urlsOf(text: string): string[] {
  const [, scheme, user = '', hosts, rest] = /^([a-z]+:\/\/)([^/?#]*@)?([^/?#]*)(.*)$/s.exec(text) ?? [];
  return hosts === undefined
    ? [text]
    : hosts.split(',', mostHosts + 1).map((host) => scheme + user + host + rest);
}

function parse(text: string): URL {
  const allowed = 'postgresql://USER@HOST:PORT/DATABASE is allowed';
  if (!URL.canParse(text)) throw new StoreError(`the database: its URL cannot be read; ${allowed}`);
  const url = new URL(text);
  if (url.password !== '') {
    throw new StoreError(
      'the database: its URL has a password; put it into a file, a variable or a function',
    );
  }
  const isAsked = /^(?:|\?target_session_attrs=(?:read-write|primary))$/.test(url.search);
  if (!isAsked || url.hash !== '') {
    throw new StoreError(`the database: its URL has ${isAsked ? url.hash : url.search}; ${allowed}`);
  }
  try {
    for (const part of [url.hostname, url.username, url.pathname]) decodeURIComponent(part);
  } catch {
    throw new StoreError(
      `the database: its URL has a % without the UTF-8 of a character in hexadecimal; ${allowed}`,
    );
  }
  const isWhole = url.hostname !== '' && url.username !== '' && /^\/[^/]+$/.test(url.pathname);
  if (!isWhole || !['postgresql:', 'postgres:'].includes(url.protocol)) {
    throw new StoreError(`the database: its URL is incomplete; ${allowed}`);
  }
  return url;
}

function authorities(path: string | undefined): { readonly ca?: string } {
  if (path === undefined) return {};
  let ca: string;
  try {
    ca = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StoreError(
      `the database: its authorities cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  // Node would take an empty text for none, and believe its own authorities.
  if (!ca.includes('-----BEGIN ')) {
    throw new StoreError(`the database: its authorities: ${path} has no certificate in PEM`);
  }
  return { ca };
}

async function passwordOf(source: PostgresqlAddress['password']): Promise<string> {
  if (source === undefined) return '';
  if (typeof source === 'function') return source();
  if ('env' in source) return process.env[source.env] ?? '';
  try {
    return (await readFile(source.file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`its password cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}
