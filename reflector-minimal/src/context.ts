import type { Logger } from 'pino';
import type { Clock, Offer } from 'rm-protocol';
import type { RevocationWatcher } from './access/revocation-watcher.ts';
import type { Holder } from './access/standing.ts';
import type { Audit } from './audit/audit.ts';
import type { LogIn } from './authentication/log-in.ts';
import type { UserAuthentication } from './authentication/user-authentication.ts';
import type { ClientAuthorities } from './devices/client-authorities.ts';
import type { ConnectedDevice } from './devices/connected-device.ts';
import type { TrustedProxies } from './http/origin.ts';
import type { Choices } from './isolation/choices.ts';
import type { DeviceCodes } from './isolation/device-codes.ts';
import type { Limits } from './limits.ts';
import type { UnauthenticatedConnections } from './network/unauthenticated-connections.ts';
import type { Presence } from './ports/presence.ts';
import type { Sessions } from './sessions/sessions.ts';
import type { Tokens } from './sessions/tokens.ts';
import type { DeferredWrites } from './store/deferred-writes.ts';
import type { Store } from './store/store.ts';
import type { ByteBudget } from './streams/byte-budget.ts';
import type { ConcurrencyLimit } from './throttling/concurrency-limit.ts';

/** What the parts of one running reflector share. */
export interface Context {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly store: Store;
  /** For what nobody waits for. */
  readonly deferred: DeferredWrites;
  readonly presence: Presence<ConnectedDevice>;
  readonly clientAuthorities: ClientAuthorities;
  readonly users: UserAuthentication;
  readonly logIn: LogIn;
  readonly tokens: Tokens;
  readonly deviceCodes: DeviceCodes;
  readonly sessions: Sessions;
  readonly revocation: RevocationWatcher<Holder>;
  readonly userConcurrency: ConcurrencyLimit;
  /** The same for each user and device. */
  readonly deviceConcurrency: ConcurrencyLimit;
  /** What is read ahead of all users whose devices stall. */
  readonly readAhead: ByteBudget;
  readonly proxies: TrustedProxies;
  readonly unauthenticated: UnauthenticatedConnections;
  /** The domain whose labels are devices, in lower case. */
  readonly domain: string;
  /** Host name, in lower case, on which users without names for each device choose one; `null`: there is none. */
  readonly cookieHost: string | null;
  readonly choices: Choices;
  /** Told of payload bytes that have passed through a tunnel. */
  readonly carried: (bytes: number) => void;
  /** Whether `GET` gives tokens too. */
  readonly tokenByGet: boolean;
  /** What agents and clients get of what they offer. */
  readonly offer: Offer;
}
