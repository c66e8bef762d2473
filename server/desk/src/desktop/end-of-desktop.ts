import type { ConnectionEnd } from '../connection/end.ts';

/** What a page knows when a desktop has ended. */
export interface Ended {
  /** How the connection has ended, if it ended before noVNC did. */
  readonly connection: ConnectionEnd | null;
  /** Why the VNC server has refused, in its own words; `null`: it has not. */
  readonly refused: string | null;
  /** The password, or the name, was sent. */
  readonly hasAnswered: boolean;
  /** The desktop was shown. */
  readonly wasShown: boolean;
}

/** A key of the texts, the words of the other side, if any, and whether another attempt may do better. */
export interface DesktopEnd {
  readonly key: string;
  readonly reason: string;
  readonly again: boolean;
}

/** Why a desktop has ended that nobody here has closed. */
export function endOfDesktop({ connection, refused, hasAnswered, wasShown }: Ended): DesktopEnd {
  if (refused !== null) {
    return { key: hasAnswered ? 'desktop.wrongPassword' : 'desktop.refused', reason: refused, again: true };
  }
  if (connection) return { ...connection, reason: '' };
  // noVNC has given up on what it has received.
  return wasShown
    ? { key: 'desktop.broken', reason: '', again: true }
    : { key: 'desktop.notVnc', reason: '', again: false };
}
