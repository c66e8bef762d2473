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

/** Which host a request is for: the reflector's own, or that of one device. A session of another host does not count. */
export type HostPlace = { readonly kind: 'own' } | { readonly kind: 'device'; readonly device: string };

/** What a user can be proven by: the cookie of a session, `Authorization: Bearer`, or a name and password. */
export type CredentialKind = 'session' | 'token' | 'password';

/** Who a request is from, and how that is known. */
export interface Identity {
  /** As it was in the store when it was proven. */
  readonly user: UserRecord;
  /** The session that the credentials are of; `null`: they count for this one request. */
  readonly session: Session | null;
  /** Wall-clock ms: what was let in by this ends then. Infinite where something else ends it. */
  readonly until: number;
  readonly credential: CredentialKind;
  /** Names the credentials among those of the user, such as one API key of several; for what they may do. */
  readonly key?: string;
  /** They count on the reflector's own host only: they reach no device. */
  readonly only?: 'own';
  /** Name of the authenticator, for the audit log. */
  readonly by: string;
}
