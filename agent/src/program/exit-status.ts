/** Exit statuses, those of sysexits.h where it has one. */
export const ExitStatus = {
  /** Ended as asked. */
  ok: 0,
  /** The command line is wrong. */
  usage: 64,
  /** `check` could not connect, or no agent executed a command for it. */
  unavailable: 69,
  /** `check` could connect, but a service cannot be reached, or the running agent has another configuration. */
  incomplete: 75,
  /** The configuration is wrong. */
  configuration: 78,
} as const;
