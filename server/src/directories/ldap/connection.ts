import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client, type Entry, type Filter, ResultCodeError, type SearchOptions } from 'ldapts';
import { AuthenticatorUnavailable } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import type { LdapSettings } from './settings.ts';

/** An entry that was found. */
export interface LdapEntry {
  readonly dn: string;
  /** Values of an attribute, whatever its capitals; those that are no text in hexadecimal. */
  values(attribute: string): readonly string[];
}

export interface LdapSearch {
  readonly scope?: 'base' | 'sub';
  readonly filter: string | Filter;
  readonly attributes: readonly string[];
  /** More are {@link TooManyEntries}. */
  readonly limit: number;
}

/** What of LDAP (RFC 4511) is needed. Every method rejects with `AuthenticatorUnavailable` when the directory does not answer. */
export interface LdapConnection {
  /** Why not, for the operator; `null`: the password is right. */
  bind(name: string, password: string): Promise<string | null>;
  search(base: string, search: LdapSearch): Promise<readonly LdapEntry[]>;
  close(): void;
}

export class TooManyEntries extends Error {
  override readonly name = 'TooManyEntries';
}

export type ConnectionLimits = Pick<Limits, 'ldapConnectMs' | 'ldapAnswerMs'>;

/** Answers that say something about who asks; all others say something about the directory (RFC 4511 appendix A). */
const refusals = new Set([
  19, // constraintViolation: locked by a password policy
  32, // noSuchObject
  34, // invalidDNSyntax
  48, // inappropriateAuthentication: the entry has no password
  49, // invalidCredentials
  50, // insufficientAccessRights
  53, // unwillingToPerform: locked or expired
]);

const sizeLimitExceeded = 4;
const entriesPerPage = 200;

/** What to bind as; empty texts for an anonymous bind. */
export interface BindNames {
  readonly name: string;
  readonly password: string;
}

/**
 * Connects to the first of these directories that answers, over TLS if it was asked for, and binds. `refused`: why it does not take
 * the password.
 */
export async function connect(
  settings: Pick<LdapSettings, 'urls' | 'startTls' | 'ca'>,
  as: BindNames,
  limits: ConnectionLimits,
): Promise<{ readonly connection: LdapConnection; readonly refused: string | null }> {
  const failures: unknown[] = [];
  for (const url of settings.urls) {
    const client = prepare(url, settings, limits);
    const connection = new OpenConnection(client);
    try {
      if (settings.startTls) await startTls(client, url, settings, limits);
      return { connection, refused: await connection.bind(as.name, as.password) };
    } catch (error) {
      connection.close();
      failures.push(error);
    }
  }
  throw unavailable(failures[0]);
}

function tlsOptions({ ca }: Pick<LdapSettings, 'ca'>): ConnectionOptions {
  return { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) };
}

function prepare(
  url: string,
  settings: Pick<LdapSettings, 'ca'>,
  { ldapAnswerMs, ldapConnectMs }: ConnectionLimits,
): Client {
  return new Client({
    url,
    timeout: ldapAnswerMs,
    connectTimeout: ldapConnectMs,
    // With TLS options, it would speak TLS to `ldap://` from the first byte.
    ...(url.startsWith('ldaps:') ? { tlsOptions: tlsOptions(settings) } : {}),
  });
}

async function startTls(
  client: Client,
  url: string,
  settings: Pick<LdapSettings, 'ca'>,
  { ldapAnswerMs }: ConnectionLimits,
): Promise<void> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const serverName = isIP(host) === 0 ? { servername: host } : {};
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no TLS handshake in time')), ldapAnswerMs);
  });
  // `host` is what the certificate must be for: of a socket that is handed over, TLS knows no name.
  const started = client.startTLS({ ...tlsOptions(settings), ...serverName, host });
  await Promise.race([started, late]).finally(() => clearTimeout(timer));
  if (holdsPlainBytes(client)) throw new Error('it has sent bytes in the clear after agreeing to TLS');
}

/**
 * Whether something came after the answer to STARTTLS and before TLS. Anybody on the way can send that; the library keeps it, and would read
 * what comes over TLS as its continuation: a forged "success" with the true answer as its text.
 */
function holdsPlainBytes(client: Client): boolean {
  const parser: unknown = Reflect.get(client, 'messageParser');
  if (typeof parser !== 'object' || parser === null) return true;
  const buffer: unknown = Reflect.get(parser, 'buffer');
  return buffer !== undefined;
}

class OpenConnection implements LdapConnection {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async bind(name: string, password: string): Promise<string | null> {
    try {
      await this.#client.bind(name, password);
      return null;
    } catch (error) {
      if (error instanceof ResultCodeError && refusals.has(error.code)) return brief(error);
      throw unavailable(error);
    }
  }

  async search(base: string, { scope = 'sub', filter, attributes, limit }: LdapSearch) {
    const entries: LdapEntry[] = [];
    const options: SearchOptions = {
      scope,
      filter,
      attributes: [...attributes],
      explicitBufferAttributes: ['objectGUID'],
      paged: { pageSize: Math.min(entriesPerPage, limit + 1) },
    };
    try {
      for await (const page of this.#client.searchPaginated(base, options)) {
        for (const entry of page.searchEntries) entries.push(new FoundEntry(entry));
        if (entries.length > limit) break;
      }
    } catch (error) {
      if (!(error instanceof ResultCodeError)) throw unavailable(error);
      if (error.code !== sizeLimitExceeded) throw unavailable(error);
      throw new TooManyEntries(`more than the directory returns at once, below ${base}`);
    }
    if (entries.length > limit) throw new TooManyEntries(`more than ${limit} entries below ${base}`);
    return entries;
  }

  close(): void {
    // It rejects when the directory has gone first.
    this.#client.unbind().catch(() => {});
  }
}

class FoundEntry implements LdapEntry {
  readonly dn: string;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor({ dn, ...attributes }: Entry) {
    this.dn = dn;
    this.#values = new Map(
      Object.entries(attributes).map(([type, value]) => [
        type.toLowerCase(),
        [value].flat().map((one) => (typeof one === 'string' ? one : one.toString('hex'))),
      ]),
    );
  }

  values(attribute: string): readonly string[] {
    return this.#values.get(attribute.toLowerCase()) ?? [];
  }
}

/** The first line of what went wrong: a library may add more, such as what it has sent. */
function brief(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line.slice(0, 200);
}

function unavailable(error: unknown): AuthenticatorUnavailable {
  if (error instanceof AuthenticatorUnavailable) return error;
  return new AuthenticatorUnavailable(`the directory cannot be used: ${brief(error)}`, { cause: error });
}
