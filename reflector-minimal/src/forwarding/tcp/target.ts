import type { Logger } from 'pino';
import type { Clock, Offer } from 'rm-protocol';
import type { RevocationWatcher } from '../../access/revocation-watcher.ts';
import type { Holder } from '../../access/standing.ts';
import type { Audit } from '../../audit/audit.ts';
import type { Limits } from '../../limits.ts';
import type { Identity } from '../../ports/identity.ts';
import type { OnlineDevice } from '../../ports/presence.ts';
import type { DeviceAccess } from '../../ports/rights.ts';
import type { ByteBudget } from '../../streams/byte-budget.ts';

export interface TcpContext {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly revocation: RevocationWatcher<Holder>;
  /** What is read ahead of all users whose devices stall. */
  readonly readAhead: ByteBudget;
  /** What clients get of what they offer. */
  readonly offer: Offer;
}

/** Who was let in to which device. */
export interface TcpTarget {
  readonly identity: Identity;
  readonly device: OnlineDevice;
  readonly access: DeviceAccess;
  /** `RevocationWatcher.revision` from before they were let in. */
  readonly since: number;
  /** Of the user. */
  readonly address: string;
}
