import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import type { Clock } from 'rm-protocol';
import { hashPassword, type Reflector, startReflector } from 'rm-reflector';
import type { AuditRecord } from 'rm-reflector/ports';
import { systemClock } from 'rm-reflector/program';
import { LastingDatabase } from 'rm-reflector/store';
import type { OpenApiDocument } from '../api/openapi.ts';
import type { Limits } from '../limits.ts';
import { defaultLimits } from '../limits.ts';
import type { NodeLimits } from '../nodes/limits.ts';
import { serverAdditions } from '../server.ts';
import { type ApiAnswer, ApiClient } from './api-client.ts';

export interface TestServerOptions {
  /** Any free one by default. */
  readonly port?: number;
  /** Keys of `/etc/rm-server.json` besides those of the reflector. */
  readonly own?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<Limits>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether `GET` gives tokens too. */
  readonly tokenByGet?: boolean;
  /** Makes the data file before the server starts. It has the users then: none is added. */
  readonly makeData?: (path: string) => void;
  /** Puts files beside the data file before the server starts. */
  readonly fill?: (folder: string) => void;
  readonly clock?: Clock;
  /** Whether it shares with other servers on the database at `url` what is good once; by default where it is a node. */
  readonly isOneOfSeveral?: boolean;
  /** Takes the lines of its log. */
  readonly logged?: string[];
  /** A database that it shares with others, which may have the users already. */
  readonly url?: string;
  readonly nodeBounds?: NodeLimits;
  /** Told with which exit status the server ends itself. */
  readonly end?: (status: number) => void;
}

const password = 'a long enough secret';
// Of this one password: scrypt costs each test 50 ms.
const hash = hashPassword(password);

/** Of the database: a machine may be busy with much else. */
const patient = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000 };

/**
 * A database of this server alone, where the tests run on PostgreSQL: `rm_template` of the database server at `RM_TEST_DATABASE` has the tables
 * (`postgresql-setup.ts`). With a data file that a test has made, the server runs on that.
 */
async function ownDatabase(makeData: TestServerOptions['makeData']): Promise<OwnDatabase | null> {
  const { RM_TEST_STORE: store, RM_TEST_DATABASE: folder = '' } = process.env;
  if (store !== 'postgresql' || makeData) return null;
  const name = `server_${randomBytes(8).toString('hex')}`;
  const run = async (database: string, statement: string) => {
    const client = new pg.Client({ host: folder, port: 5432, user: 'postgres', database, ssl: false });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await run('postgres', `CREATE DATABASE ${name} TEMPLATE rm_template`);
  return {
    url: `postgresql://postgres@${encodeURIComponent(folder)}:5432/${name}`,
    sql: (statement) => run(name, `SET search_path = rm_server, rm_reflector; ${statement}`),
    drop: () => run('postgres', `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

interface OwnDatabase {
  readonly url: string;
  sql(statement: string): Promise<void>;
  drop(): Promise<void>;
}

/** An rm-server in this process on a free port, with the users alice (administrator) and bob, who sees nothing. */
export class TestServer {
  readonly reflector: Reflector;
  readonly folder: string;
  /** Of the audit log, so far. */
  readonly records: AuditRecord[] = [];
  /** As SIGHUP does. */
  readonly reload: () => void;
  readonly #database: OwnDatabase | null;
  readonly #close: () => Promise<void>;
  #document: Promise<OpenApiDocument> | null = null;

  private constructor(
    reflector: Reflector,
    folder: string,
    reload: () => void,
    database: OwnDatabase | null,
    close: () => Promise<void>,
  ) {
    this.reflector = reflector;
    this.folder = folder;
    this.reload = reload;
    this.#database = database;
    this.#close = close;
    this.#follow().catch(() => {});
  }

  async #follow(): Promise<void> {
    for await (const event of this.reflector.events.subscribe()) {
      if (event.kind === 'audit') this.records.push(event.record);
    }
  }

  static async start({
    port = 0,
    own = {},
    limits,
    environment = {},
    tokenByGet = false,
    makeData,
    fill,
    clock = systemClock,
    isOneOfSeveral,
    logged,
    url,
    nodeBounds,
    end,
  }: TestServerOptions = {}): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-server-'));
    const data = join(folder, 'server.sqlite');
    makeData?.(data);
    fill?.(folder);
    const log = logged
      ? pino({ level: 'info' }, { write: (line: string) => void logged.push(line) })
      : pino({ level: 'silent' });
    const settings = { domain: 'localhost' };
    const database = url === undefined ? await ownDatabase(makeData) : null;
    const shared = url ?? database?.url;
    const all = shared === undefined ? own : { ...own, store: { url: shared } };
    const additions = serverAdditions(
      {
        own: all,
        ownAgain: () => all,
        file: null,
        data,
        settings,
        environment,
        log,
        clock,
        ...(end && { end }),
      },
      { ...defaultLimits, ...limits },
      patient,
      nodeBounds,
      isOneOfSeveral === undefined ? {} : { isOneOfSeveral },
    );
    const reflector = await startReflector({
      ...settings,
      port,
      data,
      tokenByGet,
      log,
      clock,
      ...additions.options,
    });
    if (!makeData && (await reflector.store.users.isEmpty())) {
      await reflector.store.users.add('alice', await hash, Date.now(), 'administrator');
      await reflector.store.users.add('bob', await hash, Date.now(), 'user');
    }
    await additions.started?.(reflector);
    const reload = () => additions.reload?.();
    return new TestServer(reflector, folder, reload, database, async () => {
      await additions.close?.();
      await reflector.close();
      await database?.drop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Changes the tables behind its back. */
  async sql(statement: string): Promise<void> {
    if (this.#database) return this.#database.sql(statement);
    const file = new LastingDatabase(join(this.folder, 'server.sqlite'));
    try {
      file.exec(statement);
    } finally {
      file.close();
    }
  }

  /** As this user of the store, by Basic; each answer is compared with the description of the API. */
  as(user: string, secret = password): ApiClient {
    return this.client({ authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` });
  }

  /** As {@link as}, by a token of the reflector, which costs no scrypt for each call. */
  async signedIn(user: string): Promise<ApiClient> {
    const form = String(new URLSearchParams({ username: user, password }));
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await this.client().call('POST', '/token', form, headers);
    if (answer.status !== 200) throw new Error(`token of ${user}: ${answer.status} ${answer.text}`);
    return this.withToken((answer.body as { readonly token: string }).token);
  }

  /** By an API key or a token. */
  withToken(token: string): ApiClient {
    return this.client({ authorization: `Bearer ${token}` });
  }

  client(headers: Readonly<Record<string, string>> = {}): ApiClient {
    return new ApiClient(this.reflector.port, headers, () => this.document());
  }

  document(): Promise<OpenApiDocument> {
    this.#document ??= this.#readDocument();
    return this.#document;
  }

  async #readDocument(): Promise<OpenApiDocument> {
    const basic = Buffer.from(`alice:${password}`).toString('base64');
    const headers = { authorization: `Basic ${basic}` };
    const plain = new ApiClient(this.reflector.port, headers, null);
    const answer: ApiAnswer = await plain.get('/openapi.json');
    return answer.body as OpenApiDocument;
  }

  /** The cookie of a browser in which this user is logged in. */
  async cookieOf(name: string): Promise<string> {
    const { port } = this.reflector;
    const host = `localhost:${port}`;
    const body = String(new URLSearchParams({ name, password, next: '/' }));
    const headers = {
      host,
      origin: `http://${host}`,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(body.length),
    };
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method: 'POST', path: '/log-in', headers };
      request(options, (response) => {
        response.resume();
        const cookies = (response.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]);
        if (response.statusCode === 303 && cookies.length > 0) resolve(cookies.join('; '));
        else reject(new Error(`log-in of ${name}: ${response.statusCode}`));
      })
        .on('error', reject)
        .end(body);
    });
  }

  /** A further user with that same password. */
  async addUser(name: string, ...domains: readonly string[]): Promise<void> {
    await this.reflector.store.users.add(name, await hash, Date.now(), 'user');
    for (const domain of domains) await this.reflector.store.users.grant(name, domain);
  }

  close(): Promise<void> {
    return this.#close();
  }
}
