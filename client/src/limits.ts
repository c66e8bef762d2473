const KiB = 1024;
const MiB = 1024 * KiB;

/** Every bound of the client. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** Head of an answer of the reflector or a proxy. Ours come to less than 1 KiB; what a proxy adds is little. */
  readonly headBytes: number;
  /** Interim responses (RFC 9110 section 15.2) before the final one; real servers send one or two. */
  readonly interimAnswers: number;
  /** Body of an answer of the reflector: the list of devices, some 200 bytes each. */
  readonly answerBytes: number;
  /** One step of connecting: name and TCP, proxy, TLS, and an answer of the reflector itself. */
  readonly stepMs: number;
  /** The answer to an upgrade: the reflector gives the device 15 s to open the connection. */
  readonly upgradeMs: number;
  /** One message in either direction with the extension: one read of a socket. */
  readonly messageBytes: number;
  /** Connections of one forward at once: each costs two descriptors and some 300 KiB when it stalls. */
  readonly connections: number;
  /**
   * Silence after which the reflector is asked for a sign of life, unless it wants it sooner: half of the 50 s after which
   * HAProxy's usual configuration closes an idle connection; nginx waits 60 s.
   */
  readonly keepAliveMs: number;
  /** Time for the reflector to answer a PING. */
  readonly pongMs: number;
  /**
   * Bytes that may have been sent since the last answer to a PING for the next one to count: beyond, the PING may wait
   * behind data that a slow device has yet to take, and only TCP can tell whether the link is dead.
   */
  readonly provenBytes: number;
  /** Time for the reflector to answer a close frame, which waits behind what a slow device has yet to take. */
  readonly closeMs: number;
  /** Time for the connection to end after both close frames. */
  readonly lingerMs: number;
  /** The file of log-ins: some 600 bytes each. */
  readonly loginFileBytes: number;
  /** A line typed at a prompt: longer than any password that the reflector takes. */
  readonly inputBytes: number;
}

export const defaultLimits: Limits = {
  headBytes: 16 * KiB,
  interimAnswers: 16,
  answerBytes: 4 * MiB,
  stepMs: 15_000,
  upgradeMs: 30_000,
  messageBytes: 64 * KiB,
  connections: 256,
  keepAliveMs: 25_000,
  pongMs: 20_000,
  provenBytes: 16 * KiB,
  closeMs: 120_000,
  lingerMs: 3_000,
  loginFileBytes: 64 * KiB,
  inputBytes: 1 * KiB,
};
