import type { Extension } from 'rm-protocol';
import type { AccessChange } from '../access/gate.ts';
import type { FailureKind } from '../dial/back-off.ts';
import type { AgentState } from './status.ts';

/** The events of an agent; times in milliseconds. */
export interface AgentEvents {
  /** The state has changed. `reason` is `null` if the change was requested or is a success. */
  state: { readonly state: AgentState; readonly previous: AgentState; readonly reason: string | null };
  /** An attempt begins. `reflector` is that of the configuration; several are separated by `, `. */
  connecting: { readonly reflector: string };
  /**
   * The tunnel is up. `reflector` is the one in use, `proxy` the proxy on the way to it, without user and password, or
   * `null`. `extension` is `null` with a reflector that does not know it.
   */
  connected: {
    readonly reflector: string;
    readonly proxy: string | null;
    readonly extension: Extension | null;
    readonly keepAliveMs: number;
  };
  /** An attempt has failed or the tunnel has ended. `retryMs` is `null` when no further attempt follows. */
  disconnected: { readonly reason: string; readonly kind: FailureKind; readonly retryMs: number | null };
  /** A forwarded connection was opened, or has ended; `error` is `null` unless it failed. Counts in bytes. */
  channel: {
    readonly state: 'open' | 'closed';
    readonly channel: number;
    readonly port: number;
    readonly received: number;
    readonly sent: number;
    readonly error: string | null;
  };
  /**
   * Consent was asked for, allowed, refused, not given in time (`unanswered`); access is `closed` at this time; or a
   * session has `ended`. `port` and `channel` are those of the open request that led to it.
   */
  access: {
    readonly state: AccessChange;
    readonly port: number | null;
    readonly channel: number | null;
    readonly detail: string;
  };
}

export type Listener<Name extends keyof AgentEvents> = (event: AgentEvents[Name]) => void;

/** Passes each event to its listeners, in the order in which they were added. */
export class EventEmitter {
  readonly #listeners: { [Name in keyof AgentEvents]?: Set<Listener<Name>> } = {};

  on<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#of(name).add(listener);
  }

  off<Name extends keyof AgentEvents>(name: Name, listener: Listener<Name>): void {
    this.#of(name).delete(listener);
  }

  /** Whether there is a listener: frequent events need not be made otherwise. */
  hasListeners(name: keyof AgentEvents): boolean {
    return (this.#listeners[name]?.size ?? 0) > 0;
  }

  emit<Name extends keyof AgentEvents>(name: Name, event: AgentEvents[Name]): void {
    for (const listener of this.#of(name)) listener(event);
  }

  #of<Name extends keyof AgentEvents>(name: Name): Set<Listener<Name>> {
    const all: { [Key in Name]?: Set<Listener<Key>> } = this.#listeners;
    const made = all[name] ?? new Set<Listener<Name>>();
    all[name] = made;
    return made;
  }
}
