import type { PasswordComplaint } from 'rm-reflector/accounts';
import type { KnownUsers, UserRecord } from 'rm-reflector/ports';
import type { Rights } from '../../rights/rights.ts';
import type { Branding } from './branding.ts';

/**
 * The domain of devices whose brand a user sees: the one in which everything is that they may see; `null`: none, or several. Rejects
 * with `StoreUnavailable`.
 */
export async function domainOfUser(rights: Pick<Rights, 'of'>, user: UserRecord): Promise<string | null> {
  const grants = (await rights.of({ user })).grants('devices.read');
  const domains = new Set(grants.map(({ scope }) => (scope.kind === 'everything' ? null : scope.domain)));
  const [domain = null] = domains;
  return domains.size === 1 ? domain : null;
}

interface Services {
  readonly branding: Branding;
  readonly rights: Pick<Rights, 'of'>;
  readonly known: KnownUsers;
}

/** Why a password that is set for a user is not taken: by the rules that hold everywhere, and by the brand that the user sees. */
export async function passwordComplaintOf(
  services: Services,
  password: string,
  name: string,
): Promise<PasswordComplaint | null> {
  return services.branding.complaint(password, name, await domainOfName(services, name));
}

/** The same, said in the language that these headers of a request ask for. */
export async function passwordComplaintIn(
  services: Services,
  password: string,
  name: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Promise<string | null> {
  const accepted = headers['accept-language'];
  const domain = await domainOfName(services, name);
  return services.branding.complaintIn(
    password,
    name,
    domain,
    accepted === undefined ? undefined : String(accepted),
  );
}

async function domainOfName({ rights, known }: Services, name: string): Promise<string | null> {
  const user = await known.user(name);
  return user ? await domainOfUser(rights, user) : null;
}
