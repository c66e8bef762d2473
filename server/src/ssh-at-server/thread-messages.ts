import type { TerminalSize } from '../ssh/requests.ts';

/*
 * What the thread of a session and the server say to each other. The thread asks; each {@link Asked} gets one {@link Given}, so neither
 * side sends more than the other takes.
 */

/** From the thread. */
export interface Asked {
  readonly id: number;
  /**
   * `read…`: the next message of the page, the next bytes of the device; gives `null` when there are no more. `send`, `write`: to the page,
   * to the device; gives whether it has left.
   */
  readonly what: 'readPage' | 'readDevice' | 'sendPage' | 'writeDevice';
  readonly value?: string | Uint8Array;
}

/**
 * From the thread, without an answer. `over`: of the session, with the close code for the page. `parting`: nothing else is left of it than
 * to take leave of the device.
 */
export type Told =
  | { readonly tells: 'closeDevice' }
  /** Of the shell: when it begins, and when it changes. */
  | ({ readonly tells: 'size' } & TerminalSize)
  | { readonly tells: 'parting' | 'over'; readonly code: number; readonly reason: string };

/** From the server. */
export interface Given {
  readonly id: number;
  readonly value: string | Uint8Array | boolean | null;
}
