import { hashPassword } from '../passwords/scrypt.ts';
import type { Store } from '../store/store.ts';
import { CommandError, ExitStatus } from './exit.ts';
import { choosePassword } from './password-input.ts';

/** Basic credentials end a name at the first `:`. */
const namePattern = /^[^\s:\p{Cc}]{1,64}$/u;

/** Runs `rm-reflector user …`; gives what to print. Throws {@link CommandError}. */
export async function runUserCommand(
  store: Store,
  action: string,
  name: string | undefined,
  options: { readonly 'password-file'?: string | undefined },
): Promise<string> {
  if (action === 'list') {
    const users = store.users.list();
    return users.map((user) => `${user.name}\n`).join('');
  }
  if (name === undefined) throw new CommandError(ExitStatus.usage, `user ${action}: a name is missing`);
  const missing = () => new CommandError(ExitStatus.failed, `user ${name}: there is no such user`);
  switch (action) {
    case 'add': {
      if (!namePattern.test(name)) {
        throw new CommandError(
          ExitStatus.usage,
          `user ${JSON.stringify(name)}: a name is 1 to 64 characters without spaces and ":"`,
        );
      }
      if (store.users.get(name)) throw new CommandError(ExitStatus.failed, `user ${name}: exists already`);
      const { password, generated } = choosePassword(options['password-file']);
      if (!store.users.add(name, await hashPassword(password), Date.now(), 'administrator')) {
        throw new CommandError(ExitStatus.failed, `user ${name}: exists already`);
      }
      return `user ${name} added\n${generated ? `password: ${password}\n` : ''}`;
    }
    case 'passwd': {
      if (!store.users.get(name)) throw missing();
      const { password, generated } = choosePassword(options['password-file']);
      if (!store.users.setPassword(name, await hashPassword(password))) throw missing();
      return `password of ${name} changed\n${generated ? `password: ${password}\n` : ''}`;
    }
    case 'logout': {
      if (!store.users.get(name)) throw missing();
      const ended = store.sessions.removeAll(name);
      return `user ${name} logged out: ${ended} ${ended === 1 ? 'session' : 'sessions'} ended\n`;
    }
    case 'remove':
      if (!store.users.remove(name)) throw missing();
      return `user ${name} removed\n`;
    default:
      throw new CommandError(
        ExitStatus.usage,
        `user ${action}: must be one of add, passwd, logout, remove, list`,
      );
  }
}
