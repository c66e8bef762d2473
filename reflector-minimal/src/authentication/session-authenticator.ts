import type { Authenticator } from '../ports/authenticators.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Proves a user by the cookie of a session. */
export function sessionAuthenticator(sessions: Pick<Sessions, 'find'>): Authenticator<'session'> {
  return {
    name: 'session',
    accepts: 'session',
    async prove({ secret, place }) {
      const session = await sessions.find(secret, place);
      return session && { user: session.user, session, until: session.expires };
    },
  };
}
