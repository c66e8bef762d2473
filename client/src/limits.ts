const KiB = 1024;
const MiB = 1024 * KiB;

/** Every bound of the client, with its reason. Sizes in bytes, times in milliseconds. */
export const defaultLimits = {
  /** Head of an answer of the reflector or a proxy. The reflector sends less than 1 KiB, and proxies add little. */
  headBytes: 16 * KiB,
  /** Interim responses (RFC 9110 section 15.2) before the final one; real servers send one or two. */
  interimAnswers: 16,
  /** Body of an answer of the reflector: the list of devices, about 200 bytes each. */
  answerBytes: 4 * MiB,
  /** One step of connecting: name and TCP, proxy, TLS, and an answer of the reflector itself. */
  stepMs: 15_000,
  /** The answer to an upgrade: the reflector gives the device 15 s to open the connection. */
  upgradeMs: 30_000,
  /** One message in either direction with the extension: one read of a socket. */
  messageBytes: 64 * KiB,
  /** Connections of one forward at once: each takes two descriptors, and about 300 KiB when it stalls. */
  connections: 256,
  /**
   * Silence before a PING, unless the reflector asks for a shorter time: half of the 50 s after which HAProxy's usual
   * configuration closes an idle connection; nginx waits 60 s.
   */
  keepAliveMs: 25_000,
  /** Time for the reflector to answer a PING. */
  pongMs: 20_000,
  /**
   * Bytes sent since the last PONG within which a PING has a deadline. With more, the PING may wait behind data that a
   * slow device has not taken, and only TCP can notice a dead link.
   */
  provenBytes: 16 * KiB,
  /** Time for the reflector to answer a close frame, which waits behind data that a slow device has not taken. */
  closeMs: 120_000,
  /** Time for the connection to end after both close frames. */
  lingerMs: 3_000,
  /** The file of log-ins: about 600 bytes each. */
  loginFileBytes: 64 * KiB,
  /** A line typed at a prompt: longer than any password that the reflector accepts. */
  inputBytes: 1 * KiB,
};

export type Limits = Readonly<typeof defaultLimits>;
