import type { AuditRecord } from '../ports/events.ts';

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
