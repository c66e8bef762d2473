/** The reference reflector, to be started inside another program. The executable is `main.ts`. */
export type { Clock } from 'rm-protocol';
export type { ConnectedDevice } from './devices/connected-device.ts';
export { deviceSecrets } from './devices/digest-secrets.ts';
export { Fingerprints } from './devices/fingerprints.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { recoveryHash } from './one-time-password/recovery-codes.ts';
export { generatePassword, hashPassword } from './passwords/scrypt.ts';
export { type Reflector, type ReflectorOptions, startReflector } from './reflector.ts';
export type { DeviceRecord, DeviceSecrets } from './store/devices.ts';
export { Store, StoreError } from './store/store.ts';
export type { Role, UserRecord } from './store/users.ts';
