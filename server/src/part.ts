import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { ReflectorOptions, ReflectorParts } from 'rm-reflector';
import type {
  AdmitDevice,
  Authenticator,
  FurtherLogOutOf,
  KnownUsers,
  Route,
  SharedState,
  Store,
} from 'rm-reflector/ports';
import type { CallRate } from './api/call-rate.ts';
import type { Endpoint } from './api/endpoint.ts';
import type { LoopTurns } from './api/loop-turns.ts';
import type { Branding } from './branding/brand/branding.ts';
import type { AnswerCache } from './cache/answers/answer-cache.ts';
import type { OwnConfiguration } from './configuration/schema.ts';
import type { EventLog } from './events/log/event-log.ts';
import type { Limits } from './limits.ts';
import type { DirectoryRights } from './rights/directory-rights.ts';
import type { FleetRights } from './rights/fleet-rights.ts';
import type { Tables } from './store/tables.ts';

/** What this process knows together with others of the same store. */
export interface Shared {
  readonly state: SharedState;
  /** Secret of the installation. */
  readonly key: Buffer;
}

/** What there is once the store is open. */
export interface Foundation {
  readonly store: Store;
  /** `null`: there are no others. */
  readonly shared: Shared | null;
  /** Whether this process does what is done once for all processes, such as posting to webhooks. It may change at any time. */
  leads(): boolean;
  /** Users as requests know them; also takes hints of what was changed beside the Store. */
  readonly known: KnownUsers;
  readonly database: Tables;
  /** What has happened, for readers and webhooks. Parts may add to it. */
  readonly eventLog: EventLog;
  /** Several servers share the tables: what comes and goes is noted among the events with the presence. */
  readonly isNode: boolean;
  /** Lengths of queues by name, for the figures. Parts add theirs. */
  readonly queues: Map<string, () => number>;
  /** Of what the pages of devices are made of. Without `cache` in the configuration it keeps nothing. */
  readonly cache: AnswerCache;
  readonly rights: FleetRights;
  readonly directoryRights: DirectoryRights;
  readonly configuration: OwnConfiguration;
  /** How everything looks that people see. */
  readonly branding: Branding;
  /** Of the settings that the server shares with the reflector. */
  readonly settings: Pick<ReflectorOptions, 'cookieHost' | 'domain' | 'trustProxy' | 'tls'>;
  /** For messages about the configuration; `null`: there is no file. */
  readonly file: string | null;
  /** Path of the data file; its folder is where files are kept, whichever store there is. */
  readonly data: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How often each user calls, and whose turn it is, whatever they call by. */
  readonly rate: CallRate;
  readonly turns: LoopTurns;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
}

/** What there is once the reflector is put together. */
export type Core = Foundation & ReflectorParts;

/** What a part adds to the running server. */
export interface Running {
  readonly endpoints?: readonly Endpoint[];
  /** Further routes, outside the API or with other rules. */
  readonly routes?: readonly Route[];
  /** A further rule for devices that connect. The first part that turns a device away decides. */
  readonly admitDevice?: AdmitDevice;
  /** Where a browser goes on that has logged out. The first part that knows a place decides. */
  readonly furtherLogOut?: FurtherLogOutOf;
  /** On SIGHUP, with what the configuration file says now. */
  reload?(configuration: OwnConfiguration): void;
  /** Begins work in the background, once the server listens. */
  start?(): void;
  /** Ends it. Called before the reflector closes, if need be without {@link start}. */
  stop?(): void | Promise<void>;
}

/** A part of the server: a concern with its endpoints. */
export interface Part {
  /** For the log-in page: further ways to log in, or help with it. */
  logInLinks?(configuration: OwnConfiguration): NonNullable<ReflectorOptions['logInLinks']>;
  /** Throws `ConfigurationError`. Nothing is opened before. */
  check?(place: Pick<Foundation, 'configuration' | 'file' | 'environment'>): void;
  /** Further proofs of users; called before {@link run}. */
  authenticators?(foundation: Foundation): readonly Authenticator<'token' | 'password'>[];
  run(core: Core): Running;
}
