/** Every bound of an SSH session, with its reason. */
export const limits = {
  /** Window of an SSH channel: what a shell may say before the terminal has taken it. */
  windowBytes: 1_048_576,
  /**
   * Bytes for a device that it has not let go yet, each piece with `unsentPieceBytes`: those for a shell, as the terminal answers what
   * a device asks, and those that wait until keys are exchanged.
   */
  unsentBytes: 16_777_216,
  /** What a piece takes beside its bytes. */
  unsentPieceBytes: 512,
  /** Questions of one message in a log-in. */
  questions: 16,
  /** Bytes of one message between a page and the server where SSH ends: what one SSH message has room for. */
  messageBytes: 32_768,
  /** Bytes typed that a device has not let go yet, where SSH ends at the server: the page keeps what is more. */
  typedBytes: 262_144,
  /** Characters of a user name, a password or an answer there. */
  answerLength: 4_096,
} as const;
