import type { Clock } from 'rm-protocol';
import { domainRule, isDomain } from '../devices/domain.ts';
import { Installation } from '../installation.ts';
import { passwordComplaint } from '../passwords/rules.ts';
import { hashPassword } from '../passwords/scrypt.ts';
import type { Store, UserRecord } from '../ports/store.ts';
import type { CommandContext } from './command-context.ts';
import { every } from './every.ts';
import { CommandError, ExitStatus } from './exit.ts';
import { type ChosenPassword, choosePassword } from './password-input.ts';
import { runTotpCommand } from './totp-command.ts';

/** Basic credentials end a name at the first `:`. */
const namePattern = /^[^\s:\p{Cc}]{1,64}$/u;

export interface UserOptions {
  readonly admin?: boolean | undefined;
  readonly remove?: boolean | undefined;
  readonly domain?: string | undefined;
  readonly force?: boolean | undefined;
  readonly 'password-file'?: string | undefined;
}

/** Actions of `rm-reflector user`. */
export const userActions: readonly string[] = [
  'add',
  'passwd',
  'grant',
  'revoke',
  'promote',
  'demote',
  'totp',
  'logout',
  'remove',
  'list',
];

/**
 * Runs `rm-reflector user …`; returns what to print. `domain`: of `grant` and `revoke`. Throws {@link CommandError}.
 */
export async function runUserCommand(
  store: Store,
  action: string,
  name: string | undefined,
  domain: string | undefined,
  options: UserOptions,
  context: Pick<CommandContext, 'ask' | 'clock' | 'print'>,
): Promise<string> {
  if (action === 'list') return listUsers(store);
  if (!userActions.includes(action)) {
    throw new CommandError(ExitStatus.usage, `user ${action}: must be one of ${userActions.join(', ')}`);
  }
  if (name === undefined) throw new CommandError(ExitStatus.usage, `user ${action}: a name is missing`);
  if (action === 'add') return addUser(store, name, options, context.clock);
  const user = await store.users.get(name);
  if (!user) throw missing(name);
  switch (action) {
    case 'passwd':
      return changePassword(store, name, options);
    case 'grant':
    case 'revoke':
      return changeGrant(store, user, action, domain);
    case 'promote':
      if (!(await store.users.promote(name))) throw missing(name);
      return `${name} is an administrator and sees every device\n`;
    case 'demote': {
      settled(name, await store.users.demote(name, options.force ?? false));
      const { domains } = user;
      return `${name} is a user and sees ${domains.length > 0 ? `the devices of ${domains.join(', ')}` : 'no device'}\n`;
    }
    case 'totp':
      return runTotpCommand(store, user, options.remove ?? false, context);
    case 'logout': {
      const ended = await store.sessions.removeAll(name);
      return `user ${name} logged out: ${ended} ${ended === 1 ? 'session' : 'sessions'} ended\n`;
    }
    default:
      settled(name, await store.users.remove(name, options.force ?? false));
      return `user ${name} removed\n`;
  }
}

/** Without an administrator, nobody sees new devices, and only a user of this machine can change that. */
function settled(name: string, outcome: 'done' | 'missing' | 'last'): void {
  if (outcome === 'done') return;
  if (outcome === 'missing') throw missing(name);
  throw new CommandError(
    ExitStatus.failed,
    `user ${name}: is the last administrator; make another one first (user add NAME --admin, user promote NAME), or say --force`,
  );
}

function missing(name: string): CommandError {
  return new CommandError(ExitStatus.failed, `user ${name}: there is no such user`);
}

/** A line for each user: name, role and visible devices. */
async function listUsers(store: Store): Promise<string> {
  const users = await every(
    (after, limit) => store.users.page(after, limit),
    ({ name }) => name,
  );
  const lines = users.map(({ name, role, domains, totpSecret }) => {
    const seen = role === 'administrator' ? 'every device' : domains.join(', ') || 'no device';
    return `${name}  ${role}  ${seen}${totpSecret ? '  one-time passwords' : ''}\n`;
  });
  return lines.join('');
}

async function addUser(store: Store, name: string, options: UserOptions, clock: Clock): Promise<string> {
  if (!namePattern.test(name)) {
    throw new CommandError(
      ExitStatus.usage,
      `user ${JSON.stringify(name)}: a name is 1 to 64 characters without spaces and ":"`,
    );
  }
  const taken = () => new CommandError(ExitStatus.failed, `user ${name}: exists already`);
  if (await store.users.get(name)) throw taken();
  const chosen = chooseFor(name, options);
  const role = options.admin ? 'administrator' : 'user';
  const hash = await hashPassword(chosen.password);
  if (!(await store.users.add(name, hash, clock.date(), role))) throw taken();
  const sight = options.admin ? '' : `it sees no device yet: use "user grant ${name} DOMAIN"\n`;
  return `${role} ${name} added\n${told(chosen)}${sight}`;
}

async function changePassword(store: Store, name: string, options: UserOptions): Promise<string> {
  const chosen = chooseFor(name, options);
  const hash = await hashPassword(chosen.password);
  if (!(await store.users.setPassword(name, hash))) throw missing(name);
  return `password of ${name} changed\n${told(chosen)}`;
}

function chooseFor(name: string, options: UserOptions): ChosenPassword {
  return choosePassword(
    options['password-file'],
    (password) => passwordComplaint(password, name)?.english ?? null,
  );
}

function told({ password, generated }: ChosenPassword): string {
  return generated ? `password: ${password}\n` : '';
}

async function changeGrant(
  store: Store,
  { name, role, domains }: UserRecord,
  action: 'grant' | 'revoke',
  domain: string | undefined,
): Promise<string> {
  if (domain === undefined) {
    throw new CommandError(
      ExitStatus.usage,
      `user ${action} ${name}: a domain is missing; that of devices added without one is ${await new Installation(store).domain()}`,
    );
  }
  if (!isDomain(domain)) {
    throw new CommandError(
      ExitStatus.usage,
      `user ${action} ${name}: domain ${JSON.stringify(domain)}: must be that of a device: ${domainRule}`,
    );
  }
  if (action === 'revoke') {
    if (await store.users.revoke(name, domain))
      return `user ${name} does not see the devices of ${domain} any more\n`;
    const others = domains.length > 0 ? domains.join(', ') : 'none';
    throw new CommandError(ExitStatus.failed, `user ${name}: ${domain} is not granted; granted: ${others}`);
  }
  await store.users.grant(name, domain);
  const note = role === 'administrator' ? ', and as an administrator all others' : '';
  const devices = await store.devices.count({ domains: [domain], claimed: true });
  return `user ${name} sees the devices of ${domain} (${devices} now)${note}\n`;
}
