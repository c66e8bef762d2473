import type { SessionKind, UserRecord } from './store.ts';

/** What a user has been let in for a time by. Times are wall-clock milliseconds. */
export interface Session {
  /** Names it in lists and logs; opens nothing. */
  readonly id: string;
  readonly kind: SessionKind;
  /** As it is in the store now. */
  readonly user: UserRecord;
  /** Of a device session: the only device it is good for. */
  readonly device: string | null;
  readonly created: number;
  readonly used: number;
  readonly expires: number;
  readonly address: string;
  readonly agent: string;
  /** Key in the store. */
  readonly hash: Buffer;
}

/** Who a request is from, and how that is known. */
export interface Identity {
  readonly user: UserRecord;
  /** `null`: by name and password with this very request. */
  readonly session: Session | null;
}
