import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { LogIn } from '../authentication/log-in.ts';
import type { UserAuthentication } from '../authentication/user-authentication.ts';
import type { DeviceLogInContext } from '../isolation/device-log-in.ts';
import type { Limits } from '../limits.ts';
import type { PasswordComplaint } from '../passwords/rules.ts';
import type { FurtherLogOutOf } from '../ports/further-log-out.ts';
import type { Presence } from '../ports/presence.ts';
import type { Store } from '../ports/store.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { LogInLink } from './log-in-page.ts';

/** What the reflector's own pages and interfaces need. */
export interface PagesContext extends DeviceLogInContext {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Store;
  readonly presence: Pick<Presence, 'locate' | 'takesDevices'>;
  /** The reflector drains, so load balancers are to lead nobody here any more. */
  readonly draining: { readonly active: boolean };
  readonly users: UserAuthentication;
  readonly logIn: LogIn;
  readonly tokens: Tokens;
  readonly logInLinks: readonly LogInLink[];
  readonly furtherLogOut: FurtherLogOutOf | null;
  /** A further rule for passwords that people choose: why one is not taken. */
  readonly passwordRule:
    | ((password: string, user: string) => PasswordComplaint | null | Promise<PasswordComplaint | null>)
    | null;
  /** Whether `GET` gives tokens too. */
  readonly tokenByGet: boolean;
}
