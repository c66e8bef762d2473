import { DatabaseError } from 'pg';
import { StoreError, StoreUnavailable } from 'rm-reflector/ports';

/**
 * Classes and codes (postgresql.org/docs/current/errcodes-appendix.html) that say something of the database, the
 * connection or what others do there at the time. All others are faults of ours.
 */
const ofTheDatabase =
  /^(?:08|28|40|53|57|58|XX|F0)|^(?:0A000|25006|25P03|25P04|3D000|42501|55000|55006|55P03)$/;

const explained: ReadonlyMap<string, string> = new Map([
  ['0A000', 'it is a replica, which takes no changes'],
  ['25006', 'it takes no changes'],
  ['53100', 'its disk is full'],
  ['53300', 'it has no room for another connection'],
  ['55P03', 'others hold what is needed'],
  ['57014', 'it has taken too long'],
]);

/** Texts of `pg` that need one of ours. */
const texts: ReadonlyMap<string, string> = new Map([
  [
    'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
    'it asks for a password, and none is given',
  ],
  ['The server does not support SSL connections', 'it does not speak TLS; switch TLS on there'],
  ...[
    'unable to verify the first certificate',
    'self-signed certificate',
    'self-signed certificate in certificate chain',
    'unable to get local issuer certificate',
  ].map(
    (text) =>
      [
        text,
        `its certificate is not of an authority that we trust (${text}); name that authority in "ca"`,
      ] as const,
  ),
]);

const what = 'the database';

/** What a call has failed with, as one of the store: for those who open it, or look after it. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError(`${what}: ${error instanceof Error ? error.message : error}`);
}

/** What the network, TLS or `pg` itself has failed with: all but what the database has answered. */
export function isLost(error: unknown): boolean {
  return !isAnswer(error) && !(error instanceof StoreUnavailable);
}

/** An error that the database tells has a code; what `pg` finds wrong with its messages has none. */
function isAnswer(error: unknown): error is DatabaseError & { readonly code: string } {
  return error instanceof DatabaseError && error.code !== undefined;
}

/** An answer did not come in time: `pg` says so by this text alone. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** It is a replica, or is set to take no changes. */
export function takesNoChanges(error: unknown): boolean {
  return isAnswer(error) && /^(?:0A000|25006)$/.test(error.code);
}

/** The same error as {@link StoreUnavailable}, if it says that the database cannot be used; otherwise `error` itself. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof StoreUnavailable) return error;
  if (isAnswer(error)) {
    const { code } = error;
    if (!ofTheDatabase.test(code)) return error;
    return new StoreUnavailable(code, explained.get(code) ?? error.message, what);
  }
  if (!(error instanceof Error)) return error;
  // Both addresses of a name were tried: the text of the whole is empty.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code, message } =
    first instanceof Error ? (first as NodeJS.ErrnoException) : (error as NodeJS.ErrnoException);
  return new StoreUnavailable(code ?? 'LOST', texts.get(message) ?? message, what);
}

/** The connection broke after the end of a change was asked for. */
export function unknownOutcome(error: unknown): StoreUnavailable {
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailable('UNKNOWN', `it is not known whether a change was made: ${reason}`, what);
}
