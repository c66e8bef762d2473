import type { DeviceCredentials } from './store.ts';

/*
 * Admission of devices: a further rule for devices that have proven who they are, such as a quota. It is asked last,
 * after every rule of the reflector's own, and can only refuse.
 */

/** A device that would get its tunnel now. */
export interface ArrivingDevice {
  /** Its record as it was when it proved who it is. */
  readonly device: DeviceCredentials;
  /** IP address that it comes from. */
  readonly address: string;
  /** Its `User-Agent`. */
  readonly agent: string;
  /** What it says of itself. Without a prototype. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Why it gets none. */
export interface DeviceTurnedAway {
  /** 403: what must be changed by a person; the agent asks seldom then. 503: what may pass. */
  readonly status: 403 | 503;
  /** One line for the log of the agent and for the operator. */
  readonly error: string;
  /** Whole seconds after which it is to come back, for `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/**
 * `null` lets the device in; its tunnel may still fail to come up. Called for each attempt, also of a device that has a
 * tunnel, which the new one replaces. May reject with `StoreUnavailable`: then the device is told 503.
 */
export type AdmitDevice = (
  arriving: ArrivingDevice,
) => DeviceTurnedAway | null | Promise<DeviceTurnedAway | null>;
