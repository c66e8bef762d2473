/** Why a command has failed. Words only: an address or a text of a peer would tell the broker's readers of the device. */
export type CommandFailure =
  /** Its time is over, by the clock of the device. */
  | 'expired'
  /** It cannot be read, or asks for what cannot be. */
  | 'malformed'
  /** Remote access is disabled at the device. */
  | 'disabled'
  /** The reflector was not reached in time. */
  | 'unreachable'
  /** The reflector does not let the device in. */
  | 'refused'
  /** The agent ends. */
  | 'stopped';

/** What messages act upon: the tunnel of the device. */
export interface RemoteAccess {
  /** `connected`, `waiting` and so on. */
  readonly state: string;
  /** When the tunnel closes, in Unix milliseconds; `null`: not by itself, or there is none. */
  readonly until: number | null;
  /** The longest time for which it may be opened, in milliseconds. */
  readonly longestMs: number;
  /** Opens the tunnel, or keeps it open, until this time in Unix milliseconds. Returns why not, or `null`. */
  open(untilMs: number): 'disabled' | null;
  /** Closes a tunnel that was opened and has not come about. */
  giveUp(): void;
}
