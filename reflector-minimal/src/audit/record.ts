/** How somebody has shown who they are. */
export type Credential = 'password' | 'token' | 'session';

/** What is recorded of one decision. Whatever is not known is left out. No secret is ever among it. */
export interface AuditRecord {
  /** What was decided, such as `log-in`, `request`, `client-tunnel`, `device-tunnel`. */
  readonly event: string;
  readonly allowed: boolean;
  /** The account, or the name that was claimed where the log-in failed. */
  readonly user?: string | undefined;
  readonly by?: Credential | undefined;
  /** Address of who asked. */
  readonly address?: string | undefined;
  readonly device?: string | undefined;
  readonly port?: number | undefined;
  /** Of a command: the account of the operating system that ran it. */
  readonly operator?: string | undefined;
  /** Of a command: what else it was given. */
  readonly detail?: string | undefined;
  /** Why not, or why it ended: one short sentence. */
  readonly reason?: string | undefined;
  /** How many equal decisions this record stands for; 1 where it is left out. */
  readonly times?: number | undefined;
  /** Payload from the device to the user, and back. */
  readonly bytesFrom?: number | undefined;
  readonly bytesTo?: number | undefined;
  /** How long it lasted, in milliseconds. */
  readonly ms?: number | undefined;
}

/** Characters of one text in a record: names, addresses and reasons are shorter; the rest is somebody filling the disk. */
const textLength = 256;

/**
 * One line of JSON with a line feed, beginning with the time. What strangers send stays inside its quotes: line ends and
 * every other control or format character are escaped, so that no line can be forged and no terminal driven.
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
