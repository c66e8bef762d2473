import type { ChannelErrorCode } from 'rm-protocol';
import type { Dial } from '../dial/dial-service.ts';
import type { Cancellable } from '../host.ts';

/** How a port of the list is reached. A port that is not listed is never reachable. */
export interface ForwardedPort {
  readonly port: number;
  /** Connects: to a TCP target, or to a handler inside the process. */
  readonly dial: Dial;
  /** Asked before each dial; absent: none is needed. */
  readonly admit?: Admit;
}

/** Why a channel may not be opened now. */
export interface Refusal {
  readonly fault: ChannelErrorCode;
  /** For the log. */
  readonly reason: string;
}

/**
 * Says whether a channel may be opened: no, yes (`null`), or later, by one call of `decided`, which never comes from
 * within this call nor after `cancel`.
 */
export type Admit = (
  channel: number,
  decided: (refusal: Refusal | null) => void,
) => Refusal | Cancellable | null;
