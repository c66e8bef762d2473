const KiB = 1024;
const MiB = 1024 * KiB;

/** Every bound of the client, with its reason. Sizes in bytes, times in milliseconds. */
export const defaultLimits = {
  /** Head of an answer of the reflector or a proxy. Ours come to less than 1 KiB; what a proxy adds is little. */
  headBytes: 16 * KiB,
  /** Interim responses (RFC 9110 section 15.2) before the final one; real servers send one or two. */
  interimAnswers: 16,
  /** Body of an answer of the reflector: the list of devices, some 200 bytes each. */
  answerBytes: 4 * MiB,
  /** One step of connecting: name and TCP, proxy, TLS, and an answer of the reflector itself. */
  stepMs: 15_000,
  /** The answer to an upgrade: the reflector gives the device 15 s to open the connection. */
  upgradeMs: 30_000,
  /** One message in either direction with the extension: one read of a socket. */
  messageBytes: 64 * KiB,
  /** Connections of one forward at once: each costs two descriptors and some 300 KiB when it stalls. */
  connections: 256,
  /**
   * Silence after which the reflector is asked for a sign of life, unless it wants it sooner: half of the 50 s after which
   * HAProxy's usual configuration closes an idle connection; nginx waits 60 s.
   */
  keepAliveMs: 25_000,
  /** Time for the reflector to answer a PING. */
  pongMs: 20_000,
  /**
   * Bytes that may have been sent since the last answer to a PING for the next one to count: beyond, the PING may wait
   * behind data that a slow device has yet to take, and only TCP can tell whether the link is dead.
   */
  provenBytes: 16 * KiB,
  /** Time for the reflector to answer a close frame, which waits behind what a slow device has yet to take. */
  closeMs: 120_000,
  /** Time for the connection to end after both close frames. */
  lingerMs: 3_000,
  /** The file of log-ins: some 600 bytes each. */
  loginFileBytes: 64 * KiB,
  /** A line typed at a prompt: longer than any password that the reflector takes. */
  inputBytes: 1 * KiB,
};

export type Limits = Readonly<typeof defaultLimits>;
