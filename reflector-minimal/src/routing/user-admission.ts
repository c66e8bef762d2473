import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RevocationWatcher } from '../access/revocation-watcher.ts';
import type { Holder } from '../access/standing.ts';
import type { Audit } from '../audit/audit.ts';
import { claimedName, type UserAuthentication } from '../authentication/user-authentication.ts';
import { credentialsOf } from '../http/credentials.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import { crossOriginRefusal } from '../isolation/cross-origin.ts';
import type { CredentialKind, Identity } from '../ports/identity.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalTo } from '../refusals/of-denial.ts';
import type { ConcurrencyLimit } from '../throttling/concurrency-limit.ts';

export interface AdmissionContext {
  readonly users: UserAuthentication;
  readonly audit: Audit;
  readonly revocation: RevocationWatcher<Holder>;
  readonly userConcurrency: ConcurrencyLimit;
  /** Told of connections on which a user has authenticated. */
  readonly unauthenticated: { authenticated(socket: Duplex): void };
}

/** A request or an upgrade; `lasting` closes when it is over. */
export interface Asked<Lasting extends ServerResponse | Duplex = ServerResponse | Duplex> {
  readonly request: IncomingMessage;
  readonly lasting: Lasting;
  readonly origin: Origin;
}

/**
 * Proves the user, and calls `begin` if they may call: with the revision up to which that is certain. Otherwise returns
 * why not, and whether logging in would help; `null` as well when the caller has gone away. `proofs`: those that count;
 * `undefined`: any.
 */
export async function admitUser(
  context: AdmissionContext,
  { request, origin, lasting }: Asked,
  event: string,
  proofs: readonly CredentialKind[] | undefined,
  begin: (identity: Identity, since: number) => void,
): Promise<{ readonly refusal: Refusal; readonly unknown: boolean } | null> {
  const { users, audit, userConcurrency, unauthenticated, revocation } = context;
  const { address } = origin;
  const { revision } = revocation;
  const secure = origin.protocol === 'https';
  const identity = await users.authenticate(request, { place: { kind: 'own' }, secure, address });
  if (lasting.destroyed) return null;
  if ('denied' in identity) {
    // A request without credentials is no event: the answer asks for them.
    if (credentialsOf(request) !== null) {
      const user = claimedName(request);
      audit.count({ event: 'log-in', allowed: false, user, address, reason: identity.denied });
    }
    return { refusal: refusalTo(request, identity), unknown: true };
  }
  unauthenticated.authenticated(request.socket);
  const decision = { event, user: identity.user.name, by: identity.by, address };
  const refused = (refusal: Refusal, unknown = false) => {
    audit.count({ ...decision, allowed: false, reason: refusal.error });
    return { refusal, unknown };
  };
  const refusal = crossOriginRefusal(request, origin, identity);
  if (refusal) return refused(refusal);
  if (proofs && !proofs.includes(identity.credential)) return refused(otherProof(proofs));
  audit.count({ ...decision, allowed: true });
  const end = userConcurrency.begin(identity.user.name);
  if (!end) return refused(refusals.tooMuchUnderWay);
  lasting.once('close', end);
  const holder = { kind: 'user', identity, device: null } as const;
  const admitted = await revocation.admit(holder, revision, (since) => {
    if (!lasting.destroyed) begin(identity, since);
  });
  return admitted ? null : refused(refusalTo(request, { denied: 'refused' }), true);
}

/** The caller is proven, and not by what counts here. */
function otherProof(proofs: readonly CredentialKind[]): Refusal {
  const scheme = proofs.includes('password') ? 'Basic' : 'Bearer';
  return {
    status: 401,
    error: `This takes ${proofs.map((proof) => `a ${proof}`).join(' or ')} only`,
    headers: { 'WWW-Authenticate': `${scheme} realm="Reflector"` },
  };
}
