import type { Session } from '../ports/identity.ts';
import type { BrowserCall } from '../ports/routes.ts';
import type { UserRecord } from '../ports/store.ts';
import { secretsOf, setCookie } from '../sessions/cookies.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { LogIn } from './log-in.ts';

export interface EntrySources {
  readonly sessions: Sessions;
  readonly logIn: Pick<LogIn, 'browsers'>;
  /** Ends what goes on by a session that has ended. */
  readonly revocation: { check(): Promise<void> };
}

/**
 * Logs a browser in on the reflector's own host: a new session, never one that was there before, so that nobody can prepare it
 * (session fixation), and the mark of a known browser. `null` when the user is not as it was when this was decided.
 */
export async function enter(
  { sessions, logIn: { browsers }, revocation }: EntrySources,
  call: Pick<BrowserCall, 'session' | 'headers' | 'rawHeaders' | 'origin'>,
  user: UserRecord,
): Promise<{ readonly cookies: readonly string[]; readonly session: Session } | null> {
  const former = (await call.session())?.session;
  if (former) await sessions.end(former);
  const agent = call.headers['user-agent'] ?? '';
  const opened = await sessions.create(user, { kind: 'own', address: call.origin.address, agent });
  await revocation.check();
  if (!opened) return null;
  const secure = call.origin.protocol === 'https';
  const cookies = [setCookie('own', opened.secret, secure)];
  if (browsers.identify(secretsOf(call.rawHeaders, 'known', secure), user.uid) === null) {
    cookies.push(setCookie('known', browsers.mark(user.uid), secure));
  }
  return { cookies, session: opened.session };
}
