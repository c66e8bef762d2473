/** Exit statuses of `rm-reflector` (sysexits.h). */
export const ExitStatus = {
  ok: 0,
  /** The thing asked for could not be done: a name is taken, or there is none. */
  failed: 1,
  usage: 64,
  /** The data file cannot be used. */
  data: 74,
  /** The address to listen on cannot be had. */
  unavailable: 69,
  configuration: 78,
} as const;

/** Ends the command with one line for the person. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
