import { parseHttpUri } from 'rm-protocol';
import { defaultLimits } from '../src/config/limits.ts';
import type { AttemptSettings } from '../src/link/attempt-settings.ts';

const anyTls = {
  ca: null,
  certificate: null,
  key: null,
  minVersion: '1.2',
  verify: true,
  judgedAt: null,
} as const;

/** Settings of an attempt: those of an ordinary device but for what is given. */
export function attemptSettingsFor(uri: string, given: Partial<AttemptSettings> = {}): AttemptSettings {
  const reflector = parseHttpUri(uri);
  if (!reflector) throw new Error(`no URI: ${uri}`);
  return {
    reflectors: [reflector],
    proxiesFor: () => [null],
    addresses: new Map(),
    method: 'GET',
    auth: 'basic',
    credentials: { user: 'id@domain', password: 's3cret' },
    fields: [['User-Agent', 'rm-agent/test']],
    tls: anyTls,
    proxyTls: anyTls,
    trusted: null,
    pins: [],
    stepTimeoutMs: 10_000,
    limits: defaultLimits,
    enrolment: null,
    ...given,
  };
}
