/** The record of one decision. Unknown fields are absent. It never contains a secret. */
export interface AuditRecord {
  /** The kind of decision, such as `log-in`, `request`, `client-tunnel`, `device-tunnel`. */
  readonly event: string;
  readonly allowed: boolean;
  /** The account; after a failed log-in, the claimed name. */
  readonly user?: string | undefined;
  /** The authenticator that has proven the user, such as `password`, `token` or `session`. */
  readonly by?: string | undefined;
  /** Address of the peer. */
  readonly address?: string | undefined;
  readonly device?: string | undefined;
  readonly port?: number | undefined;
  /** Of a command: the operating system's name of its user. */
  readonly operator?: string | undefined;
  /** Of a command: its other arguments. */
  readonly detail?: string | undefined;
  /** Why it was refused or ended, in one short sentence. */
  readonly reason?: string | undefined;
  /** Number of equal decisions in this record; 1 by default. */
  readonly times?: number | undefined;
  /** Payload bytes from the device and to the device. */
  readonly bytesFrom?: number | undefined;
  readonly bytesTo?: number | undefined;
  /** Duration in milliseconds. */
  readonly ms?: number | undefined;
}

/** Longest text in a record, in characters. Real names, addresses and reasons are shorter. */
const textLength = 256;

/**
 * One line of JSON with a line feed; the time comes first. Line ends and all other control and format characters are
 * escaped, so that a peer can neither forge a line nor control a terminal.
 */
export function auditLine(record: AuditRecord, date: number): string {
  const text = JSON.stringify({ time: new Date(date).toISOString(), ...record }, (_key, value: unknown) =>
    typeof value === 'string' && value.length > textLength ? `${value.slice(0, textLength)}…` : value,
  );
  return `${text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, escapeCharacter)}\n`;
}

function escapeCharacter(character: string): string {
  return [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
}
