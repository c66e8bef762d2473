/** The reference reflector, to be started inside another program. The executable is `main.ts`. */
export type { Clock } from 'rm-protocol';
export type { ConnectedDevice } from './devices/connected-device.ts';
export { normalizeDeviceId } from './devices/device-id.ts';
export { deviceSecrets } from './devices/digest-secrets.ts';
export { domainRule, isDomain } from './devices/domain.ts';
export { Fingerprints } from './devices/fingerprints.ts';
export { hiddenBy } from './devices/hidden-device.ts';
export { readServices, type Services } from './devices/services.ts';
export { Installation } from './installation.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { networksOf } from './network/addresses.ts';
export { recoveryHash } from './one-time-password/recovery-codes.ts';
export { OneUseTokens } from './one-use/one-use-tokens.ts';
export { generatePassword, hashPassword, matchesHash, nobodysHash } from './passwords/scrypt.ts';
export * from './ports/index.ts';
export {
  type Reflector,
  type ReflectorOptions,
  type ReflectorParts,
  startReflector,
} from './reflector.ts';
export { SqliteStore } from './store/sqlite-store.ts';
