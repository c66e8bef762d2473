import { existsSync, readFileSync } from 'node:fs';
import {
  Installation,
  type Reflector,
  type ReflectorParts,
  defaultLimits as reflectorLimits,
} from 'rm-reflector';
import type { PasswordComplaint } from 'rm-reflector/accounts';
import {
  type ArrivingDevice,
  type Authenticator,
  type DeviceTurnedAway,
  type FurtherLogOut,
  type KnownUsers,
  type LocalTunnel,
  type Presence,
  type Rights as RightsPort,
  type Route,
  type Session,
  type Store,
  StoreError,
} from 'rm-reflector/ports';
import { type Additions, type AdditionsContext, ConfigurationError, ExitStatus } from 'rm-reflector/program';
import { CallRate } from './api/call-rate.ts';
import type { Endpoint } from './api/endpoint.ts';
import { Idempotency } from './api/idempotency.ts';
import { eventLoop, LoopTurns } from './api/loop-turns.ts';
import { openApiEndpoint } from './api/openapi.ts';
import { apiRoutes } from './api/routes.ts';
import { auditPart } from './audit/part.ts';
import { Branding } from './branding/brand/branding.ts';
import { passwordComplaintOf } from './branding/brand/domain-of-user.ts';
import { brandingPart } from './branding/part.ts';
import { readPageTexts } from './bundles/page-texts.ts';
import { AnswerCache } from './cache/answers/answer-cache.ts';
import { cachePart } from './cache/part.ts';
import { readOwnConfiguration } from './configuration/configuration.ts';
import { type NodeSettings, nodeSettings } from './configuration/node.ts';
import { storeAddress } from './configuration/store.ts';
import { workerOf } from './configuration/workers.ts';
import { dashboard } from './dashboard/part.ts';
import { deskPart } from './desk/part.ts';
import { devices } from './devices/part.ts';
import { directories } from './directories/part.ts';
import { enrolment } from './enrolment/part.ts';
import { EventLog } from './events/log/event-log.ts';
import { events } from './events/part.ts';
import { hostKeysPart } from './host-keys/part.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { metricsPart } from './metrics/part.ts';
import { type NodeLimits, nodeLimits } from './nodes/limits.ts';
import { LoneServer } from './nodes/lone-server.ts';
import { type Node, startNode } from './nodes/node.ts';
import { PostgresqlMembership } from './nodes/postgresql-membership.ts';
import { relayOf } from './nodes/relay.ts';
import { PostgresqlSharedState } from './nodes/shared/postgresql-shared-state.ts';
import type { Foundation, Part, Running } from './part.ts';
import { peoplePart } from './people/part.ts';
import { DirectoryRights } from './rights/directory-rights.ts';
import { FleetRights } from './rights/fleet-rights.ts';
import { FleetDatabase } from './store/fleet-database.ts';
import { type PostgresqlLimits, postgresqlLimits } from './store/postgresql/limits.ts';
import { oncePerOutage } from './store/postgresql/once-per-outage.ts';
import { type PostgresqlOptions, PostgresqlStore } from './store/postgresql/postgresql-store.ts';
import { PostgresqlTables } from './store/postgresql-tables/postgresql-tables.ts';
import type { OpenTables } from './store/tables.ts';
import { ticketsPart } from './tickets/part.ts';
import { webhooksPart } from './webhooks/part.ts';

/** The version of the server. */
export const version = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** The parts, in the order in which they are asked. */
export const parts: readonly Part[] = [
  peoplePart,
  auditPart,
  devices,
  ticketsPart,
  hostKeysPart,
  cachePart,
  directories,
  enrolment,
  events,
  webhooksPart,
  metricsPart(version),
  brandingPart,
  dashboard(version),
  deskPart,
];

export interface NodeOptions {
  /** What is used once, and counted, is so over all servers of the database; by default where the configuration has `node`. */
  readonly isOneOfSeveral?: boolean;
}

/** What makes a reflector the server. Throws `ConfigurationError`. */
export function serverAdditions(
  context: AdditionsContext,
  limits: Limits = defaultLimits,
  databaseLimits: Partial<PostgresqlLimits> = {},
  nodeBounds: NodeLimits = nodeLimits,
  { isOneOfSeveral }: NodeOptions = {},
): Additions & Pick<Foundation, 'branding'> {
  const configuration = readOwnConfiguration(context.own, context.file);
  for (const part of parts) part.check?.({ ...context, configuration });
  const { environment, file, givenStore: given = null, log } = context;
  const address = storeAddress(configuration.store, { given, file, environment });
  const warn = oncePerOutage((text) => log.warn(text));
  const { outage } = configuration.store ?? {};
  const databaseBounds = { ...(outage !== undefined && { outageMs: outage * 1_000 }), ...databaseLimits };
  const worker = workerOf(environment);
  const { data } = context;
  const node = nodeSettings(configuration.node, { file, isShared: address !== null, worker, data });
  const epoch = node && (() => server.epoch);
  const postgresql = address && { ...address, limits: databaseBounds, warn, epoch };
  const { domain = 'localhost', cookieHost = null } = context.settings;
  const branding = new Branding({
    folder: configuration.branding ?? null,
    pageTexts: readPageTexts()?.get('en') ?? null,
    limits,
    log,
    settings: { domain, cookieHost },
  });
  const server = new Server({ ...context, configuration, branding, limits, postgresql, node, nodeBounds });
  return {
    options: {
      ...(postgresql && { store: () => server.openStore(postgresql, node !== null) }),
      ...(postgresql &&
        node && {
          presence: <Tunnel extends LocalTunnel>() => server.presence<Tunnel>(postgresql, node),
        }),
      ...(postgresql && (isOneOfSeveral ?? node !== null) && { shared: () => server.openShared(postgresql) }),
      logInLinks: parts.flatMap((part) => part.logInLinks?.(configuration) ?? []),
      responseCache: server.cache,
      admitDevice: (arriving) => server.admitDevice(arriving),
      furtherLogOut: (session) => server.furtherLogOut(session),
      looks: branding.looks,
      passwordRule: (password, user) => server.passwordRule(password, user),
      authenticators: (store, known) => server.authenticators(store, known),
      rights: ({ store, known }) => server.rights(store, known),
      routes: (core) => server.routes(core),
    },
    branding,
    started: (reflector) => server.start(reflector),
    reload: () => {
      server.reload();
      branding.reload();
    },
    close: () => server.close(),
  };
}

type ServerContext = AdditionsContext &
  Pick<Foundation, 'branding' | 'configuration' | 'limits'> & {
    /** `null`: the tables are in the data file. */
    readonly postgresql: PostgresqlOptions | null;
    /** `null`: this server is alone. */
    readonly node: NodeSettings | null;
    readonly nodeBounds: NodeLimits;
  };

class Server {
  readonly #context: ServerContext;
  readonly cache: AnswerCache;
  #foundation: Foundation | null = null;
  #shared: PostgresqlSharedState | null = null;
  #alone: LoneServer | null = null;
  #database: OpenTables | null = null;
  #running: readonly Running[] = [];
  #node: Pick<Node<LocalTunnel>, 'lease' | 'untold'> | null = null;
  #reflector: Pick<Reflector, 'drain' | 'presence'> | null = null;

  constructor(context: ServerContext) {
    this.#context = context;
    const { clock, limits, configuration } = context;
    this.cache = new AnswerCache(clock, limits, configuration.cache?.bytes ?? 0);
  }

  /** Of this process among the nodes; 0: it is none, or not yet. */
  get epoch(): number {
    return this.#node?.lease.epoch ?? 0;
  }

  /**
   * Refuses a database that nodes use, if this server is none: it would note their devices off line. Refuses an empty database where the
   * data is still in the file: it looks as if everything were lost.
   */
  async openStore(options: PostgresqlOptions, isNode: boolean): Promise<PostgresqlStore> {
    const { data } = this.#context;
    const store = await PostgresqlStore.open(options);
    try {
      if (!isNode) this.#alone = await this.#beginAlone(options);
      if (!existsSync(data) || !(await store.users.isEmpty())) return store;
      throw new StoreError(
        `the database: is empty, and there is the data file ${data}: move it by "rm-server migrate", or move it away`,
      );
    } catch (error) {
      await this.#alone?.stop();
      this.#alone = null;
      await store.close();
      throw error;
    }
  }

  #beginAlone({ limits: database = {}, warn: _, ...address }: PostgresqlOptions): Promise<LoneServer> {
    const { clock, log, nodeBounds, end } = this.#context;
    return LoneServer.begin({
      ...{ ...address, database, clock, limits: nodeBounds },
      superseded: (nodes) => {
        log.error(`nodes (${nodes.join(', ')}) use the database: this server, which is none, ends`);
        end?.(ExitStatus.configuration);
      },
    });
  }

  /** Joins the other servers. Rejects with `StoreError` or `ConfigurationError`. */
  async presence<Tunnel extends LocalTunnel>(
    { limits, warn, ...address }: PostgresqlOptions,
    { name, listen, address: reachedAt, tls }: NodeSettings,
  ): Promise<Presence<Tunnel>> {
    const { clock, log, limits: bounds, nodeBounds, carried, end } = this.#context;
    const node = await startNode<Tunnel>({
      name,
      address: reachedAt,
      table: new PostgresqlMembership({
        ...address,
        clock,
        ...(warn && { warn }),
        limits: { ...nodeBounds, eventBytes: bounds.eventBytes },
      }),
      relay: (life) => relayOf(life, { listen, tls, clock, log, carried }),
      clock,
      limits: nodeBounds,
      outageMs: limits?.outageMs ?? postgresqlLimits.outageMs,
      log,
      told: () => void this.#foundation?.eventLog.refresh().catch(() => {}),
      superseded: () => end?.(ExitStatus.configuration),
      end: (id, end) => this.#reflector?.presence.local.get(id)?.tunnel.close(1000, end),
      drain: () => void this.#reflector?.drain(nodeBounds.drainMs),
    });
    this.#node = node;
    return node.presence;
  }

  /** The reflector closes it. */
  async openShared({
    warn: _,
    limits: databaseLimits = {},
    ...address
  }: PostgresqlOptions): Promise<PostgresqlSharedState> {
    const { clock, log } = this.#context;
    this.#shared = await PostgresqlSharedState.open({
      ...{ ...address, clock, databaseLimits },
      failed: (error) => log.error({ err: error }, 'what the nodes know together'),
    });
    return this.#shared;
  }

  async rights(store: Store, known: KnownUsers): Promise<RightsPort> {
    return (await this.#opened(store, known)).rights;
  }

  async authenticators(
    store: Store,
    known: KnownUsers,
  ): Promise<readonly Authenticator<'token' | 'password'>[]> {
    const foundation = await this.#opened(store, known);
    return parts.flatMap((part) => part.authenticators?.(foundation) ?? []);
  }

  routes(core: ReflectorParts): readonly Route[] {
    const foundation = this.#foundation;
    if (!foundation) throw new Error('the routes come after the rights');
    const { database, rights, rate, turns, clock, log, limits } = foundation;
    const { store, presence, events, audit, logIn, openPort, dialPort } = core;
    const usersOf: ReflectorParts['usersOf'] = (device) => core.usersOf(device);
    this.#running = parts.map((part) =>
      part.run({ ...foundation, store, presence, events, audit, logIn, openPort, dialPort, usersOf }),
    );
    const endpoints = this.#running.flatMap((running) => running.endpoints ?? []);
    const all: readonly Endpoint[] = [...endpoints, openApiEndpoint(() => all, version)];
    const idempotency = new Idempotency(database, clock, limits);
    return [
      ...apiRoutes({ rights, rate, turns, idempotency, audit, log, limits }, all),
      ...this.#running.flatMap((running) => running.routes ?? []),
    ];
  }

  async admitDevice(arriving: ArrivingDevice): Promise<DeviceTurnedAway | null> {
    for (const { admitDevice } of this.#running) {
      const turnedAway = await admitDevice?.(arriving);
      if (turnedAway) return turnedAway;
    }
    return null;
  }

  async furtherLogOut(session: Session): Promise<FurtherLogOut | null> {
    for (const { furtherLogOut } of this.#running) {
      const further = await furtherLogOut?.(session);
      if (further) return further;
    }
    return null;
  }

  async passwordRule(password: string, name: string): Promise<PasswordComplaint | null> {
    return this.#foundation && passwordComplaintOf(this.#foundation, password, name);
  }

  start(reflector: Pick<Reflector, 'drain' | 'presence'>): void {
    this.#reflector = reflector;
    if (this.#node?.lease.draining) void reflector.drain(this.#context.nodeBounds.drainMs);
    const { clock, log } = this.#context;
    // The start has waited for other processes that hold the file; a running server does not.
    this.#database?.watch?.({
      busyMs: reflectorLimits.storeBusyMs,
      retryMs: reflectorLimits.storeRetryMs,
      now: () => clock.now(),
      failed: (kind, error) =>
        log.error({ code: error.code }, `${error.message} (fleet, ${kind}); it is tried again`),
      recovered: (kind) => log.warn(`the tables of the fleet can be used again (${kind})`),
    });
    for (const running of this.#running) running.start?.();
  }

  reload(): void {
    const { ownAgain, file, log } = this.#context;
    try {
      const configuration = readOwnConfiguration(ownAgain(), file);
      for (const { reload } of this.#running) reload?.(configuration);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      log.error(`${error.message}; what was read before stays`);
    }
  }

  async close(): Promise<void> {
    for (const running of [...this.#running].reverse()) await running.stop?.();
    await this.#database?.close();
    await this.#alone?.stop();
  }

  async #opened(store: Store, known: KnownUsers): Promise<Foundation> {
    this.#foundation ??= await this.#open(store, known);
    return this.#foundation;
  }

  async #open(store: Store, known: KnownUsers): Promise<Foundation> {
    const { data, clock, limits, postgresql } = this.#context;
    const database: OpenTables = postgresql
      ? await PostgresqlTables.open(postgresql)
      : new FleetDatabase(data, clock, limits);
    const eventLog = new EventLog(database, clock, limits, (error) =>
      this.#context.log.error({ err: error }, 'events not read'),
    );
    try {
      await this.#alone?.hold();
      await eventLog.refresh();
    } catch (error) {
      await database.close();
      throw error;
    }
    this.#database = database;
    const state = this.#shared;
    const shared = state && { state, key: await new Installation(store).tokenKey() };
    const queues = new Map([['reads', () => database.waiting]]);
    if (this.#context.node) queues.set('presence', () => this.#node?.untold ?? 0);
    const rights = new FleetRights(database, known, clock);
    const directoryRights = new DirectoryRights({ ...this.#context, database, known });
    return {
      ...this.#context,
      isNode: this.#context.node !== null,
      shared,
      leads: () => state?.leads ?? true,
      store,
      known,
      database,
      eventLog,
      queues,
      cache: this.cache,
      rights,
      directoryRights,
      rate: new CallRate(clock, limits),
      turns: new LoopTurns(eventLoop, limits),
    };
  }
}
