import type { Authenticator } from '../ports/authenticators.ts';
import type { Tokens } from '../sessions/tokens.ts';

/** Proves a user by a token that we have issued. */
export function tokenAuthenticator(tokens: Pick<Tokens, 'verify'>): Authenticator<'token'> {
  return {
    name: 'token',
    accepts: 'token',
    async prove({ token }) {
      const session = await tokens.verify(token);
      return session && { user: session.user, session, until: session.expires };
    },
  };
}
