/** The reference reflector, to be started inside another program. The executable is `main.ts`. */
export type { Clock } from 'rm-protocol';
export type { ConnectedDevice } from './devices/connected-device.ts';
export { deviceSecrets } from './devices/digest-secrets.ts';
export { Fingerprints } from './devices/fingerprints.ts';
export { Installation } from './installation.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { recoveryHash } from './one-time-password/recovery-codes.ts';
export { generatePassword, hashPassword } from './passwords/scrypt.ts';
export {
  type Authenticator,
  AuthenticatorUnavailable,
  type Circumstances,
  type CredentialsByKind,
  type Proof,
  type Verdict,
} from './ports/authenticators.ts';
export { ChannelFailure, TunnelFull, TunnelLost } from './ports/channel-failure.ts';
export type {
  DeviceChannel,
  LocalTunnel,
  OnlineDevice,
  Presence,
  PresenceListener,
} from './ports/presence.ts';
export type { Answer, BrowserCall, Call, Form, Route, UserCall } from './ports/routes.ts';
export type { DeviceRecord, DeviceSecrets, Role, Store, UserRecord } from './ports/store.ts';
export { StoreError, StoreUnavailable } from './ports/store.ts';
export { type Reflector, type ReflectorOptions, startReflector } from './reflector.ts';
export { SqliteStore } from './store/sqlite-store.ts';
