import type { DesktopSettings } from '../configuration/desktop.ts';

/** Whether a desktop in the browser lets text pass. */
export interface Clipboard {
  readonly toDevice: boolean;
  readonly fromDevice: boolean;
}

/** For a device of this domain: nothing passes unless the configuration says so. */
export function clipboardOf(settings: DesktopSettings | undefined, domain: string): Clipboard {
  const ofDomain = settings && Object.hasOwn(settings.domains, domain) ? settings.domains[domain] : undefined;
  const allowed = ofDomain ?? settings?.clipboard ?? 'off';
  return {
    toDevice: allowed === 'toDevice' || allowed === 'both',
    fromDevice: allowed === 'fromDevice' || allowed === 'both',
  };
}
