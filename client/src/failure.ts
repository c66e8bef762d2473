import { systemErrors } from 'rm-protocol';

/** Exit statuses of `rm-client`: 0 and 1 as `nc` has them, 64 and 78 of sysexits.h, 127 as a shell. */
export const ExitStatus = {
  ok: 0,
  /** Cannot connect, access denied, or connection lost. */
  failed: 1,
  usage: 64,
  /** The file of log-ins or a certificate file cannot be used. */
  configuration: 78,
  /** The local program is not installed. */
  noProgram: 127,
} as const;

/** Ends a command or a connection with a message of one line. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: number;

  constructor(message: string, status: number = ExitStatus.failed) {
    super(printable(message));
    this.status = status;
  }
}

/** Removes control characters: parts of the text come from the reflector, a device or a proxy. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
}

/** Error codes of Node that have words of their own here. */
const known: Readonly<Record<string, string>> = {
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'the name server does not answer',
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'no such address here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not yet valid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted: the issuer is unknown (see --ca)',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is not trusted: the issuer is unknown (see --ca)',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted: the issuer is unknown (see --ca)',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted: the root is unknown (see --ca)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted: it is self-signed (see --ca)',
};

/** The meaning of a Node error, in one line. */
export function reasonOf(error: unknown): string {
  // Several addresses failed: report the first, which the resolver prefers.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  const found = known[code] ?? systemErrors.get(code)?.[1];
  if (found !== undefined) return found;
  if (/^(ERR_SSL|EPROTO|ERR_OSSL)/.test(code)) {
    return `TLS failed: ${(error as { readonly reason?: string }).reason ?? code}`;
  }
  return error.message.split('\n')[0] ?? '';
}
