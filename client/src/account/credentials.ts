import { encodeBasic } from 'rm-protocol';
import { Failure } from '../failure.ts';
import type { Authorization } from './authorization.ts';
import type { LoginFile } from './login-file.ts';
import type { Ask } from './prompt.ts';

export interface CredentialSources {
  /** URL of the reflector. */
  readonly reflector: string;
  /** Value of `--user`, if given. */
  readonly user: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logins: LoginFile;
  readonly ask: Ask;
  /** Epoch seconds. */
  readonly now: number;
}

/**
 * The credentials for the reflector: `RM_TOKEN`, a token or an API key of `rm-server`; otherwise `RM_PASSWORD` with a user's name, otherwise the token of `rm-client login` for that
 * user, otherwise a password typed in. Rejects with a {@link Failure}.
 */
export async function authorize(sources: CredentialSources): Promise<Authorization> {
  const { reflector, environment, logins, now } = sources;
  const { RM_TOKEN: token } = environment;
  if (token) {
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Failure('RM_TOKEN: must be one word of ASCII characters');
    return { header: `Bearer ${token}`, refused: 'the token in RM_TOKEN is not accepted' };
  }
  const user = sources.user ?? (environment.RM_USER || undefined);
  // Without a user's name, `RM_PASSWORD` is ignored and a token is used.
  if (environment.RM_PASSWORD && user !== undefined) return basic(await askPassword(sources));
  const login = logins.get(reflector);
  if (login && (user === undefined || login.user === user)) {
    if (login.expires > now) {
      return {
        header: `Bearer ${login.token}`,
        refused: `the token of ${login.user} is not accepted any more: rm-client login`,
      };
    }
    if (user === undefined) {
      throw new Failure(`${reflector}: the token of ${login.user} has expired: rm-client login`);
    }
  }
  if (user === undefined) {
    throw new Failure(`${reflector}: not logged in: rm-client login, or RM_USER and RM_PASSWORD`);
  }
  return basic(await askPassword(sources));
}

/** Name and password from the option, the variables or the terminal. Rejects with a {@link Failure}. */
export async function askPassword({
  user,
  environment,
  ask,
}: Pick<CredentialSources, 'user' | 'environment' | 'ask'>): Promise<{ user: string; password: string }> {
  const name = (user ?? environment.RM_USER) || (await ask('User: ', { echo: true }));
  if (name === '' || name.includes(':')) {
    throw new Failure(`user name "${name}": must be some text without ":"`);
  }
  const password = environment.RM_PASSWORD || (await ask(`Password of ${name}: `, { echo: false }));
  return { user: name, password };
}

function basic(credentials: { readonly user: string; readonly password: string }): Authorization {
  return { header: encodeBasic(credentials), refused: `wrong password, or no user ${credentials.user}` };
}
