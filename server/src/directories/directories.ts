import { randomBytes } from 'node:crypto';
import type { Cancellable } from 'rm-protocol';
import { type Authenticator, type FurtherLogOut, isTold, type Route } from 'rm-reflector/ports';
import type { Core, Foundation } from '../part.ts';
import { LdapAuthenticator } from './ldap/authenticator.ts';
import { LdapDirectory } from './ldap/directory.ts';
import { readLdapSettings } from './ldap/read-settings.ts';
import { Refresh } from './ldap/refresh.ts';
import { Members } from './members/members.ts';
import { Provider, ProviderUnavailable } from './oidc/provider.ts';
import { ProviderSessions } from './oidc/provider-sessions.ts';
import { readProviders } from './oidc/read-settings.ts';
import { providerRoutes } from './oidc/routes.ts';
import { Sealed } from './oidc/sealed.ts';

/** The directories of a running server. */
export class Directories {
  readonly members: Members;
  readonly authenticators: readonly Authenticator<'password'>[];
  readonly #foundation: Foundation;
  readonly #providers: readonly Provider[];
  readonly #sessions: ProviderSessions;
  readonly #refresh: Refresh | null;
  #sweep: Cancellable | null = null;

  /** Throws `ConfigurationError`. */
  constructor(foundation: Foundation) {
    const { configuration, store, limits } = foundation;
    this.#foundation = foundation;
    this.#sessions = new ProviderSessions(foundation.database);
    this.members = new Members({ ...foundation, rights: foundation.directoryRights });
    this.#providers = readProviders(foundation).map(
      (settings) => new Provider(settings, limits, foundation.clock),
    );
    if (!configuration.ldap) {
      this.authenticators = [];
      this.#refresh = null;
      return;
    }
    const settings = readLdapSettings(configuration.ldap, foundation);
    const directory = new LdapDirectory(settings, limits);
    const context = { ...foundation, members: this.members, directory, settings, store };
    this.authenticators = [new LdapAuthenticator(context)];
    // Bound as its users, there is nobody to ask as.
    this.#refresh = settings.bindAs === null ? new Refresh(context) : null;
  }

  routes({ store, audit }: Pick<Core, 'store' | 'audit'>): readonly Route[] {
    let sealed: Promise<Sealed> | null = null;
    const open = async () => new Sealed(await store.settings.getOrAdd('oidc_key', randomBytes(32)));
    const context = {
      ...this.#foundation,
      members: this.members,
      sessions: this.#sessions,
      store,
      audit,
      sealed: () => {
        sealed ??= open().catch((error: unknown) => {
          sealed = null;
          throw error;
        });
        return sealed;
      },
    };
    return this.#providers.flatMap((provider) => providerRoutes(provider, context));
  }

  /** The provider by which this session came. */
  async furtherLogOut(hash: Buffer): Promise<FurtherLogOut | null> {
    const origin = await this.#sessions.originOf(hash);
    const provider = this.#providers.find(({ settings }) => settings.id === origin?.provider);
    if (!origin || !provider) return null;
    const { id, name } = provider.settings;
    return {
      name,
      address: async () => {
        try {
          return await provider.endSession(origin.idToken);
        } catch (error) {
          if (!(error instanceof ProviderUnavailable)) throw error;
          this.#foundation.log.warn({ provider: id, reason: error.message }, 'log-out only here');
          return null;
        }
      },
    };
  }

  start(): void {
    this.#warnWithoutLocalAdministrator().catch((error: unknown) => {
      this.#foundation.log.error({ err: error }, 'local administrators not looked for');
    });
    this.#refresh?.start();
    this.#scheduleSweep();
  }

  stop(): void {
    this.#refresh?.stop();
    this.#sweep?.cancel();
  }

  async #warnWithoutLocalAdministrator(): Promise<void> {
    const { configuration, database, log } = this.#foundation;
    if (!configuration.ldap && configuration.oidc.length === 0) return;
    const local = await database.get(
      `SELECT 1 FROM users WHERE ${database.dialect.is('administrator', true)}
         AND NOT EXISTS (SELECT 1 FROM fleet_directory_members AS member WHERE member.uid = users.uid) LIMIT 1`,
    );
    if (!local) log.warn('there is no local administrator: nobody gets in to mend a directory that is down');
  }

  #scheduleSweep(): void {
    const { clock, limits, log, leads } = this.#foundation;
    this.#sweep = clock.schedule(limits.sweepMs, () => {
      this.#scheduleSweep();
      if (!leads()) return;
      this.members.sweep().catch((error: unknown) => {
        if (!isTold(error)) log.error({ err: error }, 'members not looked through');
      });
    });
  }
}
