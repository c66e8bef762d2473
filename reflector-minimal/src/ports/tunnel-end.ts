/**
 * What may end a tunnel.
 * - `closed`: the device has closed it.
 * - `silent`: the device has not been heard of in time.
 * - `lost`: the connection broke.
 * - `replaced`: the device has a newer tunnel.
 * - `disconnected`: a user has ended it.
 * - `refused`: the device may not be on line any more, such as after its password was changed.
 * - `misbehaved`: the device broke the protocol, or does not read what it is sent.
 * - `stopped`: the reflector was stopped, or drains.
 */
export const tunnelEndCauses = [
  'closed',
  'silent',
  'lost',
  'replaced',
  'disconnected',
  'refused',
  'misbehaved',
  'stopped',
] as const;
export type TunnelEndCause = (typeof tunnelEndCauses)[number];

/** Why a tunnel has ended. */
export interface TunnelEnd {
  readonly cause: TunnelEndCause;
  /** In one short sentence, for the log. */
  readonly reason: string;
  /** The user who has ended it. */
  readonly by?: string | undefined;
}
