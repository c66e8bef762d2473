import type { AccessStatus } from '../access/access-control.ts';
import type { Clock } from '../host.ts';
import type { LinkState } from '../link/states.ts';

export type AgentState = 'disabled' | 'stopped' | 'connecting' | 'connected' | 'waiting';

/**
 * For `rm-agent status --json` and applications. Times are Unix milliseconds, counts are since the agent started. Keys
 * are only ever added.
 */
export interface AgentStatus {
  readonly state: AgentState;
  readonly since: number;
  /** What the link does within that state: `resolving`, `tls`, … (`link/states.ts`). */
  readonly link: LinkState;
  /** The reflector of the configuration; several are separated by `, `. */
  readonly reflector: string;
  /** The reflector that the tunnel leads to, which a redirect may have named; `null` without a tunnel. */
  readonly connectedTo: string | null;
  /** The proxy that the tunnel goes through, without user and password; `null` without one. */
  readonly proxy: string | null;
  /** The keep-alive time in force, in milliseconds; `null` without a tunnel. */
  readonly keepAliveMs: number | null;
  /** Why there is no tunnel, in words for a person; `null` while there is one. */
  readonly lastError: string | null;
  /** The last failure there was, which stays when a tunnel has come about; `null` without one. */
  readonly lastFailure: { readonly reason: string; readonly at: number } | null;
  /** What the operator of the server must be told, so that this device is let in; `null` unless it waits for that. */
  readonly code: string | null;
  readonly nextAttemptAt: number | null;
  readonly channels: number;
  readonly access: AccessStatus;
  readonly services: readonly ServiceStatus[];
  /** How many tunnels there have been. */
  readonly connects: number;
  /** Payload bytes of all channels, ended and live, from and to the reflector. */
  readonly received: number;
  readonly sent: number;
  /** In bytes. */
  readonly residentMemory: number;
  /** When the certificate of `tls.cert`, or one that signs it there, expires; `null` without one. */
  readonly certificateExpiresAt: number | null;
  /** Whole days until then, negative after it; by the day of the build while the clock is not set, as in the log. */
  readonly certificateDays: number | null;
  readonly version: string;
}

/** What came of the last connection to a service. */
export interface ServiceStatus {
  readonly port: number;
  readonly name: string | null;
  readonly kind: string;
  /** `null` until it is first used; `reason` says why it fails, `at` is the time in Unix milliseconds. */
  readonly result: { readonly ok: boolean; readonly reason: string | null; readonly at: number } | null;
}

/** The part of the status that is kept between two requests for it. */
export class StatusRecord {
  state: AgentState = 'stopped';
  since: number;
  connectedTo: string | null = null;
  proxy: string | null = null;
  keepAliveMs: number | null = null;
  lastError: string | null = null;
  lastFailure: AgentStatus['lastFailure'] = null;
  code: string | null = null;
  connects = 0;
  /** Payload bytes of ended channels. */
  received = 0;
  sent = 0;
  readonly #clock: Clock;
  readonly #changed: (state: AgentState, previous: AgentState, reason: string | null) => void;

  constructor(
    clock: Clock,
    changed: (state: AgentState, previous: AgentState, reason: string | null) => void,
  ) {
    this.#clock = clock;
    this.#changed = changed;
    this.since = clock.date();
  }

  setState(state: AgentState, reason: string | null = null): void {
    const previous = this.state;
    if (previous === state) return;
    this.state = state;
    this.since = this.#clock.date();
    if (state !== 'connected') {
      this.connectedTo = null;
      this.proxy = null;
      this.keepAliveMs = null;
    }
    this.#changed(state, previous, reason);
  }

  connected(reflector: string, proxy: string | null, keepAliveMs: number): void {
    this.connects++;
    this.lastError = null;
    this.connectedTo = reflector;
    this.proxy = proxy;
    this.keepAliveMs = keepAliveMs;
    this.setState('connected');
  }

  disconnected(reason: string): void {
    this.lastError = reason;
    this.lastFailure = { reason, at: this.#clock.date() };
    this.setState('waiting', reason);
  }
}
