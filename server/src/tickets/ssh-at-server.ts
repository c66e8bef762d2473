import { ofDomain } from '../configuration/of-domain.ts';
import type { RecordingSettings } from '../configuration/recording.ts';
import type { TerminalSettings } from '../configuration/terminal.ts';

/** What the configuration says of terminals. */
export interface TerminalTerms {
  readonly terminal?: TerminalSettings | undefined;
  readonly recording?: RecordingSettings | undefined;
}

/** Whether terminals of devices of this domain are recorded. */
export function isRecorded({ recording }: TerminalTerms, domain: string): boolean {
  return (ofDomain(recording?.domains, domain) ?? recording?.terminals) === 'always';
}

/** Whether SSH may end at the server for a device of this domain: only where the configuration says so, or has it recorded. */
export function mayEndHere(terms: TerminalTerms, domain: string): boolean {
  const { terminal } = terms;
  return (
    isRecorded(terms, domain) || (ofDomain(terminal?.domains, domain) ?? terminal?.sshAtServer) === 'allowed'
  );
}

/** Whether it may for any device. */
export function mayEverEndHere({ terminal, recording }: TerminalTerms): boolean {
  const said: readonly (string | undefined)[] = [
    terminal?.sshAtServer,
    recording?.terminals,
    ...Object.values(terminal?.domains ?? {}),
    ...Object.values(recording?.domains ?? {}),
  ];
  return said.includes('allowed') || said.includes('always');
}
