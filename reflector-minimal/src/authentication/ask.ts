import type { Authenticator, Circumstances, CredentialsByKind } from '../ports/authenticators.ts';
import type { CredentialKind, Identity } from '../ports/identity.ts';

/** Those of a list that accept this kind, in their order. */
export function accepting<Kind extends CredentialKind>(
  authenticators: readonly Authenticator[],
  kind: Kind,
): readonly Authenticator<Kind>[] {
  return authenticators.filter((one): one is Authenticator<Kind> => one.accepts === kind);
}

/**
 * Asks authenticators in their order until one proves a user; `null`: none does. All are asked before anybody is refused,
 * so that the time does not tell which of them knows the name. One that fails does not keep the others from being asked;
 * when none proves the user, its error is thrown, since it might have.
 */
export async function ask<Kind extends CredentialKind>(
  authenticators: readonly Authenticator<Kind>[],
  credentials: CredentialsByKind[Kind],
  circumstances: Circumstances,
): Promise<Identity | null> {
  const failures: unknown[] = [];
  for (const authenticator of authenticators) {
    try {
      const verdict = await authenticator.prove(credentials, circumstances);
      if (verdict !== null && 'user' in verdict) {
        return { ...verdict, by: authenticator.name, credential: authenticator.accepts };
      }
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return null;
}
