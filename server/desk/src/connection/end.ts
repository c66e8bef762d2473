/** How a connection to a port of a device has ended: a key of the texts, and what the server says beside it. */
export interface ConnectionEnd {
  readonly key: `end.${string}`;
  /** In English, from the server; may be empty. */
  readonly reason: string;
  /** Another attempt may do better. */
  readonly again: boolean;
}

/** Close codes of `/tcp` (RFC 6455 section 7.4); 4000 and above: a refusal, with its HTTP status. */
const known: Readonly<Record<number, readonly [ConnectionEnd['key'], boolean]>> = {
  1000: ['end.closed', true],
  1001: ['end.stopping', true],
  1005: ['end.closed', true],
  1006: ['end.lost', true],
  1008: ['end.noAccess', false],
  1011: ['end.broken', true],
  4401: ['end.ticket', true],
  4403: ['end.forbidden', false],
  4404: ['end.noDevice', false],
  4408: ['end.noLogIn', true],
  4429: ['end.tooMany', true],
  4502: ['end.refused', true],
  4503: ['end.offline', true],
  4504: ['end.timeout', true],
  4507: ['end.notRecorded', true],
};

export function endOf(code: number, reason: string): ConnectionEnd {
  const [key, again] = known[code] ?? ['end.failed' as const, true];
  return { key, reason, again };
}
