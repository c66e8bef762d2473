import type { Configuration } from '../config/configuration.ts';
import type { BackOffSettings } from './back-off.ts';

/** `reconnect.refusedMax` where it is absent, in seconds, unless `reconnect.max` is more. */
const DEFAULT_REFUSED_MAX = 3600;

export function backOffSettings({ min, max, refusedMax }: Configuration['reconnect']): BackOffSettings {
  const refused = refusedMax ?? Math.max(max, DEFAULT_REFUSED_MAX);
  return { minMs: min * 1000, maxMs: max * 1000, refusedMaxMs: refused * 1000 };
}
