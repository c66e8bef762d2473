import type { DesktopSettings } from '../configuration/desktop.ts';
import { ofDomain } from '../configuration/of-domain.ts';

/** Whether a desktop in the browser lets text pass. */
export interface Clipboard {
  readonly toDevice: boolean;
  readonly fromDevice: boolean;
}

/** For a device of this domain: nothing passes unless the configuration says so. */
export function clipboardOf(settings: DesktopSettings | undefined, domain: string): Clipboard {
  const allowed = ofDomain(settings?.domains, domain) ?? settings?.clipboard ?? 'off';
  return {
    toDevice: allowed === 'toDevice' || allowed === 'both',
    fromDevice: allowed === 'fromDevice' || allowed === 'both',
  };
}
