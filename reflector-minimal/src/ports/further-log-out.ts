import type { Session } from './identity.ts';

/*
 * A log-out elsewhere: where a browser goes on that has logged out here, such as to the provider by which its user came.
 */

/** Where else a session is to end. */
export interface FurtherLogOut {
  /** For the page that leads there. */
  readonly name: string;
  /** Where the browser goes. Called once the session has ended here; `null`: it cannot be reached just now. */
  address(): Promise<URL | null>;
}

/** Asked before a session of a browser ends by its log-out. `null`: nowhere else. */
export type FurtherLogOutOf = (session: Session) => Promise<FurtherLogOut | null>;
