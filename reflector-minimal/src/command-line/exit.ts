/** Exit statuses of `rm-reflector` (sysexits.h). */
export const ExitStatus = {
  ok: 0,
  /** The command failed: a name is taken or does not exist, for example. */
  failed: 1,
  usage: 64,
  /** The data file cannot be used. */
  data: 74,
  /** Cannot listen on the address. */
  unavailable: 69,
  configuration: 78,
} as const;

/** Ends the command with a message of one line. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
