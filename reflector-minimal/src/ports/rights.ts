import type { Clock } from 'rm-protocol';
import type { Eventual } from './eventual.ts';
import type { Identity } from './identity.ts';
import type { Change, DeviceIdentity, Store, UserRecord } from './store.ts';

/*
 * Rights: who sees which device, which of its ports they may open, and until when. `docs/ports/rights.md` has the rules, and
 * `ports/conformance/rights.ts` checks them. The core's adapter is `rights/by-role.ts`.
 */

/** A device, as far as rights depend on it. */
export type RightsDevice = Pick<DeviceIdentity, 'id' | 'uid' | 'domain'>;

/** Ports by number; `web`: those of the web interfaces of the device, whatever their numbers are. */
export type GrantedPort = number | 'web';

/** What somebody may do with a device that they see. */
export interface DeviceAccess {
  /** Ports that they may open; `null`: each that the device forwards. Empty: they see it, and open nothing. */
  readonly ports: readonly GrantedPort[] | null;
  /** Wall-clock ms: time may change this answer then, not before; infinite if it cannot. */
  readonly until: number;
}

/** Which devices somebody sees: those of `domains` (`null`: every device), and besides these IDs. */
export interface Sight {
  readonly domains: readonly string[] | null;
  readonly devices: readonly string[];
}

export interface Rights {
  /**
   * What the user may do with this device, by these credentials: a key may allow less than its user has. `null`: they do not
   * see it, and then it does not exist for them.
   */
  deviceAccess(identity: Identity, device: RightsDevice): Eventual<DeviceAccess | null>;
  /** The devices for which {@link deviceAccess} is not `null`: for lists. */
  sight(identity: Identity): Eventual<Sight>;
  /**
   * Until when these credentials count, in wall-clock ms, as far as the core cannot know it; `null`: not any more, such as a key
   * that was revoked.
   */
  validUntil(identity: Identity): Eventual<number | null>;
}

/** The users whom requests have asked for lately, kept true by the change feed. */
export interface KnownUsers {
  /**
   * `null`: there is none. It is the same object for as long as the feed has named no change of this user, so what you have
   * read may be kept by it, in a `WeakMap`. Rejects with `StoreUnavailable`.
   */
  user(name: string): Eventual<UserRecord | null>;
  /**
   * Call it when you have changed something in the store beside the port, with a change of this kind in the feed: it counts at
   * once then, and not only when the feed is read next.
   */
  changed(change: Change): void;
}

/** What an adapter is made of. */
export interface RightsParts {
  readonly store: Store;
  readonly known: KnownUsers;
  readonly clock: Clock;
}
