import { resolve } from 'node:path';
import { formatHttpUri, type HttpUri, parseHttpUri } from 'rm-protocol';
import type { Authorization } from '../account/authorization.ts';
import { authorize } from '../account/credentials.ts';
import { LoginFile, loginFilePath } from '../account/login-file.ts';
import type { Route } from '../connection/dial.ts';
import { chooseProxy } from '../connection/proxy.ts';
import { ExitStatus, Failure } from '../failure.ts';
import type { CommandContext } from './command-context.ts';

/** Options of every command, for `parseArgs`. */
export const reflectorOptions = {
  reflector: { type: 'string' },
  user: { type: 'string' },
  proxy: { type: 'string' },
  ca: { type: 'string' },
  insecure: { type: 'boolean' },
  'keep-alive': { type: 'string' },
} as const;

export interface ReflectorValues {
  readonly reflector?: string | undefined;
  readonly user?: string | undefined;
  readonly proxy?: string | undefined;
  readonly ca?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly 'keep-alive'?: string | undefined;
}

/** The reflector chosen, and how to reach it. */
export interface Chosen {
  /** Its URL without a slash at the end; the key of its log-in. */
  readonly url: string;
  readonly route: Route;
  readonly user: string | undefined;
  readonly logins: LoginFile;
}

/** Whether an option, the environment or a log-in says which reflector is meant. */
export function namesReflector({ reflector }: ReflectorValues, context: CommandContext): boolean {
  const { environment, limits } = context;
  const logins = new LoginFile(loginFilePath(environment), limits.loginFileBytes);
  return Boolean(reflectorText(reflector, environment, logins));
}

function reflectorText(
  option: string | undefined,
  environment: CommandContext['environment'],
  logins: LoginFile,
): string | null | undefined {
  return (option ?? environment.RM_REFLECTOR) || logins.reflector;
}

/** Reads the options of every command; throws a {@link Failure}. Warns if others can read the connection. */
export function chooseReflector(values: ReflectorValues, context: CommandContext): Chosen {
  const { environment, clock } = context;
  const limits = { ...context.limits, ...readKeepAlive(values['keep-alive']) };
  const logins = new LoginFile(loginFilePath(environment), limits.loginFileBytes);
  const text = reflectorText(values.reflector, environment, logins);
  if (!text) {
    throw new Failure('no reflector: --reflector URL, RM_REFLECTOR or rm-client login', ExitStatus.usage);
  }
  const reflector = readReflector(text);
  const url = formatHttpUri(reflector).replace(/\/$/, '');
  const ca = values.ca === undefined ? (logins.get(url)?.ca ?? null) : resolve(values.ca);
  const verify = !values.insecure;
  if (reflector.secure && !verify) {
    context.printError(
      `rm-client: WARNING: the certificate of ${reflector.host} is not checked: anybody may listen in\n`,
    );
  }
  if (!reflector.secure && !/^(localhost|127\.[\d.]+|::1)$|\.localhost$/.test(reflector.host)) {
    context.printError(`rm-client: WARNING: ${url} has no TLS: password and data can be read on the way\n`);
  }
  const proxy = chooseProxy(reflector, values.proxy, environment);
  return {
    url,
    route: { reflector, proxy, tls: { ca, verify }, limits, clock },
    user: values.user,
    logins,
  };
}

function readReflector(text: string): HttpUri {
  const uri = parseHttpUri(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  if (uri?.target !== '/') {
    throw new Failure(`reflector "${text}": must be https://HOST or https://HOST:PORT`, ExitStatus.usage);
  }
  return uri;
}

/** Seconds of silence before a PING. */
function readKeepAlive(text: string | undefined): { readonly keepAliveMs?: number } {
  if (text === undefined) return {};
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > 3600) {
    throw new Failure(`--keep-alive ${text}: must be a number of seconds from 1 to 3600`, ExitStatus.usage);
  }
  return { keepAliveMs: seconds * 1000 };
}

/** The credentials for the reflector. Rejects with a {@link Failure}. */
export function authorizeAt({ url, user, logins }: Chosen, context: CommandContext): Promise<Authorization> {
  const { environment, ask, clock } = context;
  return authorize({ reflector: url, user, environment, logins, ask, now: clock.date() / 1000 });
}

/**
 * The credentials for a command that goes on for long: they are read again for each connection, so that a later log-in counts.
 * What was typed in is kept. Both reject with a {@link Failure}.
 */
export async function authorizationsAt(
  chosen: Chosen,
  context: CommandContext,
): Promise<() => Promise<Authorization>> {
  let asked = false;
  const ask: CommandContext['ask'] = (...question) => {
    asked = true;
    return context.ask(...question);
  };
  const first = await authorizeAt(chosen, { ...context, ask });
  if (asked) return () => Promise.resolve(first);
  // It is asked only where a user is named, who is not logged in any more.
  const user = chosen.user ?? context.environment.RM_USER;
  const ended = new Failure(`${chosen.url}: no valid log-in of ${user}: rm-client login`);
  return () => authorizeAt(chosen, { ...context, ask: () => Promise.reject(ended) });
}

/** The options with which another `rm-client` connects in the same way. */
export function reflectorArguments(values: ReflectorValues, { url, route }: Chosen): string[] {
  return [
    ...['--reflector', url],
    // Option and value in one argument, as a value that begins with "-" would be read as an option.
    ...(values.user === undefined ? [] : [`--user=${values.user}`]),
    ...(values.proxy === undefined ? [] : [`--proxy=${values.proxy}`]),
    ...(route.tls.ca === null ? [] : [`--ca=${route.tls.ca}`]),
    ...(values.insecure ? ['--insecure'] : []),
    ...(values['keep-alive'] === undefined ? [] : [`--keep-alive=${values['keep-alive']}`]),
  ];
}
