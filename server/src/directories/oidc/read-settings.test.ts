import { expect, test } from 'vitest';
import { readOwnConfiguration } from '../../configuration/configuration.ts';
import { readProviders } from './read-settings.ts';

const usual = {
  id: 'corp',
  name: 'Example Corp',
  issuer: 'https://login.example.com/realm',
  clientId: 'rm-server',
  clientSecret: { env: 'OIDC_SECRET' },
  grantsClaim: 'https://example.com/groups',
  grants: [{ value: 'Ops', groups: ['operators'] }],
};

function read(oidc: readonly object[], publicUrl: string | null = 'https://fleet.example.com') {
  const configuration = readOwnConfiguration({ oidc, publicUrl }, '/etc/rm-server.json');
  return readProviders({
    configuration,
    file: '/etc/rm-server.json',
    environment: { OIDC_SECRET: 'secret' },
  });
}

test('defaults; the callback is below the public address; values of claims stay as they are', () => {
  expect(read([usual])).toEqual([
    {
      id: 'corp',
      name: 'Example Corp',
      issuer: new URL(usual.issuer),
      clientId: 'rm-server',
      clientSecret: 'secret',
      scopes: ['openid', 'profile'],
      nameClaim: 'preferred_username',
      grantsClaim: ['https://example.com/groups'],
      grants: [{ of: 'Ops', groups: ['operators'], role: 'user', domains: [], everything: false }],
      membershipMs: 43_200_000,
      callback: new URL('https://fleet.example.com/log-in/oidc/corp/callback'),
      loggedOut: new URL('https://fleet.example.com/log-in'),
    },
  ]);
  expect(read([])).toEqual([]);
  expect(read([{ ...usual, grantsClaim: ['realm_access', 'roles'] }])[0]?.grantsClaim).toHaveLength(2);
});

test.each([
  [[usual], null, 'publicUrl: is missing'],
  [[usual, usual], undefined, 'oidc.1.id: "corp": another one has it'],
  [[{ ...usual, id: 'Corp/' }], undefined, 'oidc.0.id: must match pattern'],
  [
    [{ ...usual, issuer: 'http://login.example.com' }],
    undefined,
    'oidc.0.issuer: "http://login.example.com": must be',
  ],
  [[{ ...usual, scopes: ['profile'] }], undefined, 'oidc.0.scopes: needs "openid"'],
  [[{ ...usual, grantsClaim: undefined }], undefined, 'oidc.0.grantsClaim: is missing'],
  [
    [{ ...usual, clientSecret: { env: 'NONE' } }],
    undefined,
    'oidc.0.clientSecret: the variable NONE is not set',
  ],
  [[{ ...usual, name: undefined }], undefined, 'oidc.0.name: is missing'],
])('%j', (oidc, publicUrl, message) => {
  const given = JSON.parse(JSON.stringify(oidc)) as object[];
  expect(() => read(given, publicUrl)).toThrow(`/etc/rm-server.json: ${message}`);
});
