import { Type } from 'typebox';
import { type Endpoint, openEndpoint } from '../api/endpoint.ts';
import { conflict, Problem } from '../api/problem.ts';
import { domainOfUser } from '../branding/brand/domain-of-user.ts';
import type { OwnConfiguration } from '../configuration/schema.ts';
import { readSecret } from '../configuration/secret.ts';
import type { Core, Part } from '../part.ts';
import { accountEndpoints } from './account-endpoints.ts';
import { AddressRate } from './address-rate.ts';
import { ApiKeys } from './api-keys.ts';
import { Grants } from './grants.ts';
import { grantsEndpoints } from './grants-endpoints.ts';
import { Groups } from './groups.ts';
import { groupsEndpoints } from './groups-endpoints.ts';
import { Invitations, type Purpose } from './invitations.ts';
import { keysEndpoints } from './keys-endpoints.ts';
import { type Mail, Mailer } from './mailer.ts';
import { forgottenPath, passwordPages, setPasswordPath } from './password-pages.ts';
import { People } from './people.ts';
import { PreferencesOfUsers } from './preferences.ts';
import { preferencesEndpoints } from './preferences-endpoints.ts';
import type { PeopleServices } from './services.ts';
import { usersEndpoints } from './users-endpoints.ts';

/** Users, groups, grants, API keys, and mails by which people set passwords. */
export const peoplePart: Part = {
  logInLinks: (configuration) =>
    sendsMail(configuration)
      ? [{ key: 'logIn.forgotten', text: 'Forgotten your password?', path: forgottenPath }]
      : [],
  authenticators: ({ database, known, clock, limits }) => [
    new ApiKeys(database, known, clock, limits).authenticator,
  ],
  run(core) {
    const { database, known, clock, limits } = core;
    const people = new People(database);
    const groups = new Groups(database, known, clock);
    const services: PeopleServices = {
      ...core,
      people,
      groups,
      grants: new Grants(database, known, groups, clock),
      keys: new ApiKeys(database, known, clock, limits),
      invitations: invitationsOf(core, people),
    };
    return {
      endpoints: [
        ...accountEndpoints(services),
        ...preferencesEndpoints(core),
        ...usersEndpoints(services),
        ...groupsEndpoints(services),
        ...grantsEndpoints(services),
        ...keysEndpoints(services),
        resetEndpoint(services),
      ],
      routes: services.invitations ? passwordPages(services, services.invitations) : [],
    };
  },
};

/** A mail leads to a page of this server. */
function sendsMail(
  configuration: OwnConfiguration,
): configuration is OwnConfiguration & Required<Pick<OwnConfiguration, 'mail' | 'publicUrl'>> {
  return configuration.mail !== undefined && configuration.publicUrl !== undefined;
}

function invitationsOf(core: Core, people: People): Invitations | null {
  const { database, clock, log, limits, file, environment } = core;
  const { configuration } = core;
  if (!sendsMail(configuration)) return null;
  const { mail, publicUrl } = configuration;
  const { password } = mail;
  const read = () =>
    password === undefined
      ? null
      : readSecret(password, `${file ?? 'configuration'}: mail.password`, environment);
  // A secret that is missing ends the start; later it is read for each mail, so that it may change.
  read();
  const mailer = new Mailer(mail, read, limits.mailMs);
  const page = new URL(setPasswordPath, publicUrl).href;
  const mailOf = brandedMail(core);
  return new Invitations({ database, people, mailer, clock, log, limits, page, mailOf });
}

/** What mails say: by the brand that the addressee sees, in the language that they chose. */
function brandedMail({ database, known, rights, branding }: Core) {
  const preferences = new PreferencesOfUsers(database);
  return async (name: string, purpose: Purpose, link: string): Promise<Mail> => {
    const user = await known.user(name);
    const domain = user ? await domainOfUser(rights, user) : null;
    const { language = null } = JSON.parse((await preferences.get(name)) ?? '{}') as { language?: string };
    const say = (key: string) =>
      branding.say(domain, language?.split('-', 1)[0] ?? null, `mail.${purpose}.${key}`, {
        user: name,
        link,
      });
    return { subject: say('subject'), text: say('text') };
  };
}

function resetEndpoint({ invitations, clock, limits }: PeopleServices): Endpoint {
  const rate = new AddressRate(clock, limits);
  return openEndpoint({
    operation: 'requestPasswordReset',
    method: 'POST',
    path: '/password-reset',
    tag: 'Account',
    summary: 'Sends a mail for another password to the user of this name or mail address.',
    description: 'The answer is the same whether or not there is such a user.',
    body: Type.Object({ user: Type.String({ minLength: 1, maxLength: 254 }) }),
    replies: [
      { status: 202, description: 'If there is such a user with a mail address, a mail is on its way.' },
    ],
    handle({ body, address }) {
      if (!invitations) throw conflict('no mail is configured');
      if (!rate.take(address)) {
        throw new Problem(429, 'Too many attempts', { headers: { 'Retry-After': '60' } });
      }
      invitations.request(body.user);
      return {};
    },
  });
}
