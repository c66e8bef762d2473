import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import {
  type Authenticator,
  AuthenticatorUnavailable,
  type Circumstances,
  type CredentialsByKind,
  type Verdict,
} from '../ports/authenticators.ts';
import type { CredentialKind } from '../ports/identity.ts';

interface Needs {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Pick<Limits, 'authenticatorMs'>;
}

/**
 * What keeps an added authenticator from harming the others: it has `limits.authenticatorMs` to answer, a fault of its own
 * counts as "cannot tell", and it is never shown an empty password, which a directory takes for an anonymous log-in.
 */
export function contained<Kind extends CredentialKind>(
  authenticator: Authenticator<Kind>,
  { clock, log, limits }: Needs,
): Authenticator<Kind> {
  const { name, accepts } = authenticator;
  let toldAt = Number.NEGATIVE_INFINITY;
  /** Guesses must not fill the log. */
  const tell = (error: unknown) => {
    if (clock.now() - toldAt < limits.authenticatorMs) return;
    toldAt = clock.now();
    log.error({ err: error, authenticator: name }, 'users cannot be authenticated');
  };
  const prove = async (credentials: CredentialsByKind[Kind], circumstances: Circumstances) => {
    if ('password' in credentials && credentials.password === '') return null;
    try {
      const asked = async () => authenticator.prove(credentials, circumstances);
      const verdict = await within(asked(), clock, limits.authenticatorMs);
      if (verdict && 'refused' in verdict) {
        log.debug({ authenticator: name, reason: verdict.refused }, 'log-in refused');
      }
      return verdict;
    } catch (error) {
      tell(error);
      throw error instanceof AuthenticatorUnavailable
        ? error
        : new AuthenticatorUnavailable(`${name} has failed`, { cause: error });
    }
  };
  return { name, accepts, prove };
}

function within(answer: Promise<Verdict>, clock: Clock, ms: number): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(ms, () =>
      reject(new AuthenticatorUnavailable(`no answer within ${ms / 1000} s`)),
    );
    answer.then(resolve, reject).finally(() => timer.cancel());
  });
}
