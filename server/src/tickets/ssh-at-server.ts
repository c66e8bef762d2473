import type { TerminalSettings } from '../configuration/terminal.ts';

/** Whether SSH may end at the server for a device of this domain: only where the configuration says so. */
export function mayEndHere(settings: TerminalSettings | undefined, domain: string): boolean {
  const ofDomain = settings && Object.hasOwn(settings.domains, domain) ? settings.domains[domain] : undefined;
  return (ofDomain ?? settings?.sshAtServer) === 'allowed';
}

/** Whether it may for any device. */
export function mayEverEndHere(settings: TerminalSettings | undefined): boolean {
  return (
    settings !== undefined && [settings.sshAtServer, ...Object.values(settings.domains)].includes('allowed')
  );
}
