import { parseArgs } from 'node:util';
import { askPassword } from '../account/credentials.ts';
import type { Login } from '../account/login-file.ts';
import {
  listDevices,
  OneTimePasswordNeeded,
  requestToken,
  revokeToken,
  type Token,
} from '../account/reflector-api.ts';
import { aligned, json } from '../api/show.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import {
  authorizeAt,
  chooseReflector,
  namesReflector,
  reflectorOptions,
} from '../command-line/reflector-options.ts';
import type { Route } from '../connection/dial.ts';
import { ExitStatus, Failure, printable } from '../failure.ts';

/** `rm-client login`: exchanges a password for a token and stores it; with `--status`, tells which there is. */
export async function login(args: string[], context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args, options: { ...reflectorOptions, status: { type: 'boolean' } } });
  if (values.status && !namesReflector(values, context)) {
    context.print('Not logged in\n');
    return ExitStatus.failed;
  }
  const { url, route, user, logins } = chooseReflector(values, context);
  if (values.status) return loginStatus(url, logins.get(url), context);
  const credentials = await askPassword({ user, environment: context.environment, ask: context.ask });
  const { token, expires } = await tokenFor(route, credentials, context);
  logins.save(url, { user: credentials.user, token, expires, ca: route.tls.ca });
  context.print(
    `Logged in at ${url} as ${credentials.user} until ${time(expires)}; the token is in ${logins.path}\n`,
  );
  return ExitStatus.ok;
}

/** Nothing is asked of the reflector: a token that was revoked there still counts. */
function loginStatus(url: string, login: Login | null, context: CommandContext): number {
  const expired = login !== null && login.expires * 1000 <= context.clock.date();
  if (login === null) context.print(`Not logged in at ${url}\n`);
  else if (expired) context.print(`The token of ${login.user} at ${url} expired at ${time(login.expires)}\n`);
  else context.print(`Logged in at ${url} as ${login.user} until ${time(login.expires)}\n`);
  return login !== null && !expired ? ExitStatus.ok : ExitStatus.failed;
}

async function tokenFor(
  route: Route,
  credentials: { readonly user: string; readonly password: string },
  context: CommandContext,
): Promise<Token> {
  try {
    return await requestToken(route, credentials);
  } catch (error) {
    if (!(error instanceof OneTimePasswordNeeded)) throw error;
    const totp = (await context.ask('One-time password: ', { echo: true })).replaceAll(' ', '');
    return await requestToken(route, { ...credentials, totp });
  }
}

/** `rm-client logout`: deletes the token here in any case, and revokes it at the reflector. */
export async function logout(args: string[], context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args, options: reflectorOptions });
  const { url, route, logins } = chooseReflector(values, context);
  const login = logins.get(url);
  if (!logins.remove(url) || !login) {
    context.print(`Not logged in at ${url}\n`);
    return ExitStatus.ok;
  }
  context.print(`Logged out at ${url}\n`);
  const expired = login.expires * 1000 <= context.clock.date();
  if (expired || (await revoked(route, login.token, context))) return ExitStatus.ok;
  context.printError(
    `rm-client: the token is forgotten here; at the reflector it is good until ${time(login.expires)}\n`,
  );
  return ExitStatus.failed;
}

/** Says why not. */
async function revoked(route: Route, token: string, context: CommandContext): Promise<boolean> {
  try {
    return await revokeToken(route, token);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    context.printError(`rm-client: ${error.message}\n`);
    return false;
  }
}

/** `rm-client devices`: lists the devices, one a line or as JSON. */
export async function devices(args: string[], context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args, options: { ...reflectorOptions, json: { type: 'boolean' } } });
  const chosen = chooseReflector(values, context);
  const found = await listDevices(chosen.route, await authorizeAt(chosen, context));
  if (values.json) {
    context.print(json(found));
    return ExitStatus.ok;
  }
  const state = ({ online, lastSeen }: (typeof found)[number]) =>
    online ? 'on line' : lastSeen === null ? 'never seen' : `off line since ${time(lastSeen)}`;
  const rows = [
    ['DEVICE', 'STATE', 'PORTS', 'NAME', 'VERSION'],
    ...found.map((device) =>
      [
        device.id,
        state(device),
        device.ports.join(',') || '-',
        device.name ?? '-',
        device.version ?? '-',
      ].map(printable),
    ),
  ];
  context.print(aligned(rows));
  return ExitStatus.ok;
}

/** `2026-11-22 20:00 UTC`. */
function time(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000);
  if (Number.isNaN(date.getTime())) return 'an unknown time';
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
