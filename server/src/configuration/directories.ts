import { type Static, Type } from 'typebox';
import { roles } from '../rights/role.ts';
import { secretSchema } from './secret.ts';

const text = (description: string) => Type.String({ minLength: 1, description });

const given = {
  groups: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'Groups of the fleet that the user joins.',
  }),
  role: Type.Enum([...roles], { default: 'user', description: 'The role for `domains` or `everything`.' }),
  domains: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'Domains for which the user has the role.',
  }),
  everything: Type.Boolean({ default: false, description: 'The user has the role for everything.' }),
};

const membershipLifetime = Type.Integer({
  minimum: 60,
  maximum: 2_592_000,
  default: 43_200,
  description: 'Seconds for which the last word of the directory counts. Without news, the user is out then.',
});

export const ldapSchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, default: 'LDAP', description: 'For the log.' }),
  urls: Type.Array(Type.String({ pattern: '^ldaps?://[^/?#@\\s]+/?$' }), {
    minItems: 1,
    maxItems: 4,
    description: '`ldaps://HOST` or, with `startTls`, `ldap://HOST`, in the order in which they are tried.',
  }),
  startTls: Type.Boolean({ default: false, description: 'TLS on `ldap://`.' }),
  ca: Type.Optional(
    text('PEM file of the authorities that vouch for the directory; by default those of Node.'),
  ),
  searchAs: Type.Optional(
    Type.Object(
      { dn: text('Its distinguished name.'), password: secretSchema },
      {
        description: 'The account that looks people and groups up; without it, the search is anonymous.',
      },
    ),
  ),
  bindAs: Type.Optional(
    Type.String({
      pattern: '\\{name\\}',
      minLength: 7,
      description: 'Bind as the user in place of `searchAs`: `uid={name},ou=people,dc=example,dc=com`.',
    }),
  ),
  users: Type.Object({
    base: text('Below which entry people are.'),
    filter: Type.String({
      pattern: '\\{name\\}',
      default: '(uid={name})',
      description: 'Finds the one entry of a name.',
    }),
    nameAttribute: Type.String({
      minLength: 1,
      default: 'uid',
      description: 'Its value becomes the name here.',
    }),
    idAttribute: Type.String({
      minLength: 1,
      default: 'entryUUID',
      description: 'Its value never changes; `objectGUID` in Active Directory.',
    }),
  }),
  groups: Type.Optional(
    Type.Object({
      base: text('Below which entry groups are.'),
      filter: Type.String({ default: '(objectClass=*)', description: 'Which entries are groups.' }),
      memberAttribute: Type.String({ minLength: 1, default: 'member', description: 'Lists the members.' }),
      memberValue: Type.Enum(['dn', 'name'], {
        default: 'dn',
        description: 'Whether it lists distinguished names or plain names (`memberUid`).',
      }),
      nameAttribute: Type.String({ minLength: 1, default: 'cn', description: 'The name of a group.' }),
      nested: Type.Enum(['search', 'inChain', 'none'], {
        default: 'search',
        description:
          'Groups in groups: searched level by level, by the directory itself (Active Directory), or ignored.',
      }),
    }),
  ),
  grants: Type.Array(
    Type.Object({ group: text('Distinguished name or name of a group of the directory.'), ...given }),
    { default: [], description: 'What members of groups may do here.' },
  ),
  membershipLifetime,
  offlineLogIn: Type.Integer({
    minimum: 0,
    maximum: 604_800,
    default: 28_800,
    description: 'Seconds for which the last password is taken while the directory is away; 0: not at all.',
  }),
  refresh: Type.Integer({
    minimum: 60,
    maximum: 86_400,
    default: 900,
    description: 'Seconds between two look-ups of all members; not with `bindAs`.',
  }),
});

export const providerSchema = Type.Object({
  id: Type.String({
    pattern: '^[a-z0-9][a-z0-9-]{0,31}$',
    description: 'Names it in addresses and the audit log.',
  }),
  name: Type.String({ minLength: 1, maxLength: 64, description: 'For the log-in page.' }),
  issuer: Type.String({
    pattern: '^https?://[^?#]+$',
    description: 'The issuer, as in its discovery document.',
  }),
  clientId: text('As the provider knows this server.'),
  clientSecret: Type.Optional(secretSchema),
  scopes: Type.Array(Type.String({ pattern: '^[!#-\\[\\]-~]+$' }), {
    default: ['openid', 'profile'],
    description: 'What is asked for.',
  }),
  nameClaim: Type.String({
    minLength: 1,
    default: 'preferred_username',
    description: 'Its value becomes the name here.',
  }),
  grantsClaim: Type.Optional(
    Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
      description:
        'The claim with groups or roles, such as `https://example.com/groups`; a list is a path into objects.',
    }),
  ),
  logOut: Type.Boolean({
    default: true,
    description: 'Whether a log-out here goes on to the provider, where it offers that.',
  }),
  grants: Type.Array(Type.Object({ value: text('A value of that claim.'), ...given }), {
    default: [],
    description: 'What the values give.',
  }),
  membershipLifetime,
});

export type LdapConfiguration = Static<typeof ldapSchema>;
export type ProviderConfiguration = Static<typeof providerSchema>;
