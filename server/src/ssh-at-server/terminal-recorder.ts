import type { TerminalSize } from '../ssh/requests.ts';

/** What a terminal shows cannot be kept; the message is for the user. */
export class NotRecorded extends Error {}

/** Keeps what a terminal shows. Its methods reject with {@link NotRecorded}: then nobody is to see it. */
export interface TerminalRecorder {
  /** The size of the terminal: before its first bytes, and when it changes. */
  sized(size: TerminalSize): Promise<void>;
  /** Before the user gets them. */
  shown(bytes: Uint8Array): Promise<void>;
  /** Never rejects. */
  end(): Promise<void>;
}
