import type { DeviceKey } from './store.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/*
 * What happens in a reflector, for whoever shows it or passes it on. `docs/ports/events.md` has the rules. Unlike the other ports,
 * this one is not implemented by adapters but offered to them.
 */

/** The record of one decision. Unknown fields are absent. It never contains a secret. */
export interface AuditRecord {
  /** The kind of decision, such as `log-in`, `request`, `client-tunnel`, `device-tunnel`. */
  readonly event: string;
  readonly allowed: boolean;
  /** The account; after a failed log-in, the claimed name. */
  readonly user?: string | undefined;
  /** The authenticator that has proven the user, such as `password`, `token` or `session`. */
  readonly by?: string | undefined;
  /** Address of the peer. */
  readonly address?: string | undefined;
  readonly device?: string | undefined;
  readonly port?: number | undefined;
  /** Of a command: the operating system's name of its user. */
  readonly operator?: string | undefined;
  /** Of a command: its other arguments. */
  readonly detail?: string | undefined;
  /** Why it was refused or ended, in one short sentence. */
  readonly reason?: string | undefined;
  /** Number of equal decisions in this record; 1 by default. */
  readonly times?: number | undefined;
  /** Payload bytes from the device and to the device. */
  readonly bytesFrom?: number | undefined;
  readonly bytesTo?: number | undefined;
  /** Duration in milliseconds. */
  readonly ms?: number | undefined;
}

/** What happens. */
export type Happening =
  /** A device has come, perhaps in the place of a tunnel of its own, or has gone; or has said something else of itself. */
  | {
      readonly kind: 'online' | 'offline' | 'properties';
      readonly device: DeviceKey;
      /** All of them, as they are now. Without a prototype. */
      readonly properties: Readonly<Record<string, string>>;
      /** Of `offline`: why, where this process knows it. */
      readonly end?: TunnelEnd | undefined;
    }
  /** A record of the audit log: log-ins, access, tunnels; sums of what is frequent. */
  | { readonly kind: 'audit'; readonly record: AuditRecord };

export type ReflectorEvent = Happening & {
  /** One more than that of the event before. It begins anew with the process. */
  readonly sequence: number;
  /** Wall-clock milliseconds. */
  readonly time: number;
};

/** Comes in the place of events that nobody has taken in time: read again what you keep. */
export interface EventsLost {
  readonly kind: 'lost';
  readonly count: number;
}

export interface EventSubscription extends AsyncIterable<ReflectorEvent | EventsLost> {
  /** Ends the iteration. Idempotent. */
  close(): void;
}

export interface Events {
  /**
   * Everything from now on, in order. Nothing waits for a subscriber: of more than `limits.eventsWaiting` events that it has not
   * taken, the oldest are lost, and it is told how many. Ends with the reflector. To be iterated once.
   */
  subscribe(): EventSubscription;
}
