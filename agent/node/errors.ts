import { systemErrors } from 'rm-protocol';
import type { HostError, HostErrorCode, HostFailure } from '../src/host.ts';

/** Error codes of name look-ups and of OpenSSL, in the terms of the host. */
const known: Record<string, readonly [HostErrorCode, string]> = {
  ENOTFOUND: ['name-not-found', 'name not found'],
  EAI_NONAME: ['name-not-found', 'name not found'],
  EAI_NODATA: ['name-not-found', 'name has no address'],
  EAI_AGAIN: ['name-failure', 'name server does not answer'],
  EAI_FAIL: ['name-failure', 'name server failed'],
  CERT_HAS_EXPIRED: ['tls-expired', 'certificate has expired'],
  CERT_NOT_YET_VALID: ['tls-not-yet-valid', 'certificate is not yet valid'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['tls-host-name', 'certificate is for another host name'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['tls-untrusted', 'certificate is not trusted: its issuer is unknown'],
  UNABLE_TO_GET_ISSUER_CERT: ['tls-untrusted', 'certificate is not trusted: its issuer is unknown'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['tls-untrusted', 'certificate is not trusted: its issuer is unknown'],
  SELF_SIGNED_CERT_IN_CHAIN: ['tls-untrusted', 'certificate is not trusted: its root is unknown'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['tls-untrusted', 'certificate is not trusted: it is self-signed'],
  // What is no TLS record has a version that is none, either.
  ERR_SSL_WRONG_VERSION_NUMBER: ['tls-protocol', 'the peer does not speak TLS'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['tls-protocol', 'the peer does not speak TLS'],
  ERR_SSL_UNSUPPORTED_PROTOCOL: ['tls-protocol', 'the server offers no TLS version that is allowed here'],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: [
    'tls-protocol',
    'the server offers no TLS version that is allowed here',
  ],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ['tls-client-certificate', 'a client certificate is demanded'],
};

/** An error of Node; those of OpenSSL have a `reason`, while their message has addresses and lines of its source. */
type NodeError = NodeJS.ErrnoException & { readonly reason?: unknown };

/** Any error of Node as a {@link HostError}. */
export function toHostError(error: NodeError): HostError {
  const code = error.code ?? '';
  const found = systemErrors.get(code) ?? known[code];
  const line = error.message.split('\n')[0] || 'unknown error';
  if (found) return { code: found[0], message: found[1] };
  if (/^ERR_SSL_.*ALERT.*(CERT|UNKNOWN_CA)/.test(code)) {
    return { code: 'tls-client-certificate', message: 'the client certificate was not accepted' };
  }
  if (/^(ERR_SSL|ERR_TLS|EPROTO|ERR_OSSL)/.test(code)) {
    return {
      code: 'tls-protocol',
      message: `TLS failed: ${typeof error.reason === 'string' ? error.reason : line}`,
    };
  }
  if (
    /CERT|CRL|CHAIN|PURPOSE|SIGNATURE|TOO_SMALL|TOO_WEAK|VIOLATION|EXTENSION|PATH_LENGTH|INVALID_CA/.test(
      code,
    )
  ) {
    return { code: 'tls-untrusted', message: `certificate is not trusted: ${line}` };
  }
  return { code: 'other', message: line };
}

class NodeHostFailure extends Error implements HostFailure {
  readonly code: HostErrorCode;

  constructor({ code, message }: HostError) {
    super(message);
    this.code = code;
  }
}

/** What a `Files` method throws. */
export function toFailure(error: unknown): HostFailure {
  return new NodeHostFailure(toHostError(error as NodeJS.ErrnoException));
}

export function failure(code: HostErrorCode, message: string): HostFailure {
  return new NodeHostFailure({ code, message });
}
