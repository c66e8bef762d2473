/** The credentials of a request. */
export interface Authorization {
  /** Value of `Authorization`: `Basic` or `Bearer`. */
  readonly header: string;
  /** What a 401 then means, as a message. */
  readonly refused: string;
}

/** What a 401 with this `X-Authenticate` means, as a message: a password may be right and not be enough. */
export function refusedReason(challenge: string | undefined, { refused }: Authorization): string {
  return asksForOneTimePassword(challenge)
    ? 'this account needs a one-time password: rm-client login'
    : refused;
}

/** `X-Authenticate` of a 401 (`webtunnel.md` section 4). */
export function asksForOneTimePassword(challenge: string | undefined): boolean {
  return /^totp$/i.test((challenge ?? '').trim());
}
