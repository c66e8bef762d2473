import type { Logger } from 'pino';
import type { Cancellable, Clock } from 'rm-protocol';
import { AuthenticatorUnavailable } from 'rm-reflector/ports';
import { grantsOf } from '../members/grant-rules.ts';
import type { Member, Members } from '../members/members.ts';
import { source } from './authenticator.ts';
import type { Find, LdapDirectory } from './directory.ts';
import type { LdapSettings } from './settings.ts';

export interface RefreshContext {
  readonly directory: Pick<LdapDirectory, 'lookUp'>;
  readonly settings: Pick<LdapSettings, 'grants' | 'membershipMs' | 'refreshMs'>;
  readonly members: Pick<Members, 'page' | 'admit' | 'end'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this process asks; others on the same database do not then. */
  leads(): boolean;
}

const membersPerPage = 100;

/** Asks the directory about its members again and again, so that who has left is out before their next log-in. */
export class Refresh {
  readonly #context: RefreshContext;
  #timer: Cancellable | null = null;
  #stopped = false;

  constructor(context: RefreshContext) {
    this.#context = context;
  }

  start(): void {
    const { clock, settings, log, leads } = this.#context;
    if (this.#stopped) return;
    this.#timer = clock.schedule(settings.refreshMs, () => {
      (leads() ? this.round() : Promise.resolve())
        .catch((error: unknown) => log.error({ err: error }, 'members of the directory not looked up'))
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Looks each member up once. A directory that is away changes nothing: the time of its members runs on. */
  async round(): Promise<void> {
    const { directory, members, log } = this.#context;
    try {
      let page = await members.page(source, '', membersPerPage);
      if (page.length === 0) return;
      await directory.lookUp(async (find) => {
        while (page.length > 0 && !this.#stopped) {
          for (const member of page) await this.#refresh(member, find);
          page = await members.page(source, page.at(-1)?.user ?? '', membersPerPage);
        }
      });
    } catch (error) {
      if (!(error instanceof AuthenticatorUnavailable)) throw error;
      log.warn({ directory: source, reason: error.message }, 'members of the directory not looked up');
    }
  }

  async #refresh(member: Member, find: Find): Promise<void> {
    const { settings, members, clock, log } = this.#context;
    const { login, user } = member;
    const person = await find(login);
    if (person === null) return members.end(member, 'the directory does not know them any more');
    if ('refused' in person) {
      log.warn({ directory: source, user, reason: person.refused }, 'member of the directory not confirmed');
      return;
    }
    if (person.id !== member.id) return members.end(member, 'somebody else has this name in the directory');
    await members.admit({
      source,
      id: person.id,
      name: person.name,
      login,
      grants: grantsOf(settings.grants, person.groups),
      until: clock.date() + settings.membershipMs,
    });
  }
}
