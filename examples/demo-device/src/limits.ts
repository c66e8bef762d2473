/** The device's bounds; a request beyond one is refused with the status that fits. */
export const limits = {
  /** TCP connections at once. */
  connections: 512,
  /** Live feeds (WebSocket) and event streams at once, each. */
  streams: 64,
  /** Bytes that may wait for a slow reader of a live feed; readings are left out for it until they have gone. */
  feedBacklogBytes: 65_536,
  /** Bytes of a command. */
  commandBytes: 1_024,
  /** Bytes of a download: its digest takes seconds of computing. */
  downloadBytes: 4_294_967_296,
  /** Events that are kept for readers that come late. */
  events: 50,
  /** A connection on which nothing moves for so long is closed. */
  idleMs: 120_000,
} as const;
