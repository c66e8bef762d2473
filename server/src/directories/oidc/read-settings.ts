import { ConfigurationError } from 'rm-reflector/program';
import type { ProviderConfiguration } from '../../configuration/directories.ts';
import { readSecret } from '../../configuration/secret.ts';
import { isLoopback } from '../members/loopback.ts';
import { callbackPath, loggedOutPath, type ProviderSettings } from './settings.ts';

export interface ProvidersPlace {
  readonly configuration: {
    readonly oidc: readonly ProviderConfiguration[];
    readonly publicUrl?: string | undefined;
  };
  /** For messages; `null`: there is none. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Checks what a schema cannot. Throws `ConfigurationError` that names the place. */
export function readProviders(given: ProvidersPlace): readonly ProviderSettings[] {
  const { configuration, file, environment } = given;
  const { oidc, publicUrl } = configuration;
  const place = (path: string) => `${file ?? 'configuration'}: ${path}`;
  const fail = (path: string, message: string): never => {
    throw new ConfigurationError(`${place(path)}: ${message}`);
  };
  if (oidc.length === 0) return [];
  const base = publicUrl ?? fail('publicUrl', 'is missing; the providers send browsers back to it');
  return oidc.map((provider, at) => {
    const { id, clientSecret, grantsClaim, membershipLifetime, grants, logOut, ...rest } = provider;
    const path = `oidc.${at}`;
    if (oidc.findIndex((other) => other.id === id) < at) fail(`${path}.id`, `"${id}": another one has it`);
    const issuer = URL.canParse(provider.issuer)
      ? new URL(provider.issuer)
      : fail(`${path}.issuer`, `"${provider.issuer}": is no address`);
    if (issuer.protocol !== 'https:' && !isLoopback(issuer.hostname)) {
      fail(`${path}.issuer`, `"${provider.issuer}": must be https://`);
    }
    if (!provider.scopes.includes('openid')) fail(`${path}.scopes`, 'needs "openid"');
    if (grantsClaim === undefined && grants.length > 0) {
      fail(`${path}.grantsClaim`, 'is missing; grants depend on it');
    }
    const secretPlace = place(`${path}.clientSecret`);
    return {
      ...rest,
      id,
      issuer,
      clientSecret: clientSecret === undefined ? null : readSecret(clientSecret, secretPlace, environment),
      grantsClaim: grantsClaim === undefined ? null : [grantsClaim].flat(),
      grants: grants.map(({ value, ...rule }) => ({ ...rule, of: value })),
      membershipMs: membershipLifetime * 1000,
      callback: new URL(callbackPath(id), base),
      loggedOut: logOut ? new URL(loggedOutPath, base) : null,
    };
  });
}
