import type { Identity, Session } from '../ports/identity.ts';

/** Of the user who has just got this session. */
export function identityOf(session: Session): Identity {
  const credential = session.kind === 'token' ? 'token' : 'session';
  return { user: session.user, session, until: session.expires, by: credential, credential };
}
