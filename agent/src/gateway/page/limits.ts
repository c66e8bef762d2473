/**
 * Bounds of the gateway's own page. Who reaches its port may not have logged in, so each holds before the password, too.
 * `http-connection.test.ts` and `page.test.ts` try to break them.
 */
export const pageLimits = {
  /** Connections to the page at once, through the tunnel and on the network each; more are closed. A browser opens six. */
  connections: 24,
  /** The head of a request, in bytes: what Chromium and a proxy send, and a long cookie. */
  headBytes: 16_384,
  /** The body of a request without a session, in bytes: a password and a code. */
  logInBytes: 2_048,
  /** The body of a request with a session, in bytes: a device with many services. */
  bodyBytes: 524_288,
  /** Characters of a properties file of the original gateway: ten times the longest that makes sense. */
  propertiesLength: 65_536,
  /** The kernel's table of neighbours, in bytes, and the neighbours that are shown. A kernel keeps 1024 by default. */
  neighbourBytes: 262_144,
  neighbours: 256,
  /** How long a request may take to arrive, and how long a connection may be idle, in milliseconds. */
  requestMs: 30_000,
  idleMs: 60_000,
  /** How long a visitor may neither read nor close a connection that we have ended, in milliseconds; it counts until then. */
  lingerMs: 10_000,
  /** After what time the page tries again to listen on an address that it could not get, in milliseconds. */
  listenAgainMs: 30_000,
  /** Sessions at once; one more ends the one that was used least recently. */
  sessions: 16,
  /** A session ends when nobody uses it for this time, and at the latest after the second, in milliseconds. */
  sessionIdleMs: 1_800_000,
  sessionMs: 43_200_000,
  /** Characters of a password. */
  shortestPassword: 10,
  longestPassword: 256,
  /** Wrong attempts after which each further one has to wait, and the longest wait, in milliseconds. */
  freeAttempts: 5,
  longestWaitMs: 60_000,
  /** Log-ins of strangers whose passwords are verified at once, and of each known browser: each costs a second of a small processor. */
  logIns: 4,
  /** Known browsers with wrong attempts; one more forgets those of the browser that tried least recently. */
  browsers: 16,
  /** How long a browser is known, in seconds; browsers keep no cookie for longer than 400 days. */
  browserSeconds: 34_560_000,
  /** Rounds of PBKDF2 for a new password. A small processor needs a second or two for them. */
  rounds: 30_000,
  /** The most rounds that are accepted from the account's file. */
  mostRounds: 1_000_000,
  /** Rounds between two turns of the loop, so that no tunnel waits for a log-in. */
  roundsAtOnce: 250,
  /** The account's file, in bytes. */
  accountBytes: 4_096,
};
