/**
 * Every bound of the reflector, with its reason. Sizes in bytes, times in milliseconds. `limits.test.ts` and the tests
 * beside each user of a bound try to break it.
 */
export interface Limits {
  /** Request head. Browsers send up to 16 KiB with large cookies; more is a flood. Beyond it: 431. */
  readonly headBytes: number;
  /** Lines of a head, of a request or a device's response: `node:http` counts names and values only. Beyond it: 431. */
  readonly headLines: number;
  /** Time for a request head to arrive, so that slow heads do not collect connections. */
  readonly headMs: number;
  /** Requests that one connection may have sent before the first is answered; one that sends more is closed. */
  readonly pipelinedRequests: number;
  /** Longest time without a byte of a request's body while we want to read it. Beyond it: 408. */
  readonly bodyIdleMs: number;
  /** Longest time in which a user takes nothing of a response that waits for it; then the connection is closed. */
  readonly userStallMs: number;
  /** Time in which a device takes nothing of what a user sends, before the user is read ahead to see it go. */
  readonly readAheadMs: number;
  /** Bytes read ahead of one user: what the kernels of both ends keep of a sender that has gone. */
  readonly readAheadBytes: number;
  /** Bytes read ahead of all users; beyond it nobody is read ahead. */
  readonly readAheadTotalBytes: number;
  /** How often a client that is not read ahead any more is asked whether it is still there. */
  readonly clientProbeMs: number;
  /** Longest time in which a device takes nothing of what a client left that has gone; then its connection is reset. */
  readonly leftoverMs: number;
  /** Connections of users and devices together: each costs a descriptor and some 10 KiB. */
  readonly connections: number;
  /** Those from one IPv4 /24 or IPv6 /48 on which nobody has logged in yet; what is more is closed at once. */
  readonly strangersPerNetwork: number;
  /** How long a user's connection is kept open without a request. */
  readonly userIdleMs: number;
  /** Silence after which TCP asks whether a user or client is still there; devices have their keep-alive. */
  readonly userProbeMs: number;
  /** Devices connected at once, so that users still find a connection. Beyond it: 503 for those that come anew. */
  readonly tunnels: number;
  /** Devices that may come at one moment before the rates below hold them back: a small fleet never notices them. */
  readonly arrivalsAtOnce: number;
  /** Devices a second that are let in right after a start, while caches are empty. Beyond it: 503 with Retry-After. */
  readonly arrivalsPerSecondAtStart: number;
  /** The same later on: what one thread can do of TLS and of the store. */
  readonly arrivalsPerSecond: number;
  /** Of those the ones whose password must be verified by scrypt, as the three above. */
  readonly slowArrivalsAtOnce: number;
  readonly slowArrivalsPerSecondAtStart: number;
  /** What two threads can verify, at some 40 ms each. */
  readonly slowArrivalsPerSecond: number;
  /** Time from the start until the rates have grown. */
  readonly arrivalsRampMs: number;
  /** Longest time that a device is asked to wait; agents add up to as much again. */
  readonly arrivalsAskedMs: number;
  /** How far the devices of one network that are asked to wait push back those of others. */
  readonly arrivalsShareMs: number;
  /** How often one device may come in `arrivalsPerDeviceMs`: one that reconnects in a loop takes no more places. */
  readonly arrivalsPerDevice: number;
  /** How often devices of one IPv4 /24 or IPv6 /64 may come again in that time; the first time of each is free. */
  readonly arrivalsReturning: number;
  /** Time in which as many arrivals are forgotten. */
  readonly arrivalsPerDeviceMs: number;
  /** Devices and networks whose arrivals are remembered; beyond it the oldest are forgotten. */
  readonly arrivalsRemembered: number;
  /** Wrong passwords in `slowFailuresMs` from one IPv4 /24 or IPv6 /64, beyond which it is asked to wait. */
  readonly slowFailuresPerNetwork: number;
  /** The same for an IPv6 /48, of which anybody may have one. */
  readonly slowFailuresPerSite: number;
  /** The same for a device that comes from where it came last: it is not kept waiting by its network. */
  readonly slowFailuresPerDevice: number;
  /** Time in which that many failures are forgotten: one network then takes less than a hundredth of all places. */
  readonly slowFailuresMs: number;
  /** Networks and devices with such failures that are remembered; beyond it the oldest are forgotten. */
  readonly slowFailuresRemembered: number;
  /** Largest data payload in one frame that we offer (`webtunnel.md` section 5): one socket read. */
  readonly maxFrame: number;
  /** Credit of a channel and direction that we offer: what a stalled user can hold of memory. */
  readonly window: number;
  /** Bytes held of one channel of a device without windows, before its tunnel is paused. */
  readonly channelHeldBytes: number;
  /** Bytes held of all channels of a tunnel, before it is paused: many stalled readers must not add up. */
  readonly tunnelHeldBytes: number;
  /** Bytes held of all channels of all tunnels; beyond it the channel that holds most of the tunnel ends that adds to it. */
  readonly heldBytes: number;
  /** How long a tunnel may stay paused for a reader: then that channel ends with error 4, and the others go on. */
  readonly stallMs: number;
  /** Channels of one tunnel, opening ones included: less than the 65,535 numbers, more than any use we know. */
  readonly channelsPerTunnel: number;
  /** Bytes queued for a device's socket before channels wait their turn: what a short request waits behind. */
  readonly tunnelQueueBytes: number;
  /** Bytes queued for a device's socket in control frames on top; a device that takes none of them is cut off. */
  readonly tunnelBacklogBytes: number;
  /** Invalid frames of one tunnel before it is closed with 1008: a broken device, not a newer one. */
  readonly violationsPerTunnel: number;
  /** All properties of a device together, names and values; they are kept in the store. */
  readonly propertiesBytes: number;
  /** Time after which updated properties are written to the store: once for all updates within it. */
  readonly propertiesSaveMs: number;
  /** Time for a device to answer an open request: its own connect limit is 10 s, plus the way. */
  readonly openMs: number;
  /** Time for a device to answer a PING (peers with the extension only), once they have been silent too long. */
  readonly pongMs: number;
  /** HTTP connections to one port of a device at once, unless the service says how many it takes; further requests wait. */
  readonly httpConnectionsPerPort: number;
  /** Those of one user, as many as browsers open to one host; streams without an end come on top, up to half of all. */
  readonly httpConnectionsPerUser: number;
  /** How long it counts that a device has refused a connection beside so many others; after that more are tried. */
  readonly learnedConnectionsMs: number;
  /** Time for a device to close an idle connection that is in the way of another, then it is reset; and how often one more is tried. */
  readonly idleCloseMs: number;
  /** HTTP connections to one port of a device that are kept open without a request. */
  readonly idleConnectionsPerPort: number;
  /** How long such a connection is kept: less than the 5 s after which many servers close it themselves. */
  readonly idleConnectionMs: number;
  /** Time without progress from the last byte of a request to the response head. Beyond it: 504. */
  readonly responseMs: number;
  /** Head of a device's response, and its trailers: twice what browsers send, for large cookies. Beyond it: 502. */
  readonly responseHeadBytes: number;
  /** Line before a chunk of a device's response, with its extensions, which are dropped. Beyond it: 502, or cut. */
  readonly chunkLineBytes: number;
  /** How long nothing more of a request must come, once the device has refused it (300 to 599), until the user gets the end. */
  readonly earlyRefusalMs: number;
  /** Responses with a status of 1xx before the final one: they pass whether the user reads or not. */
  readonly interimResponses: number;
  /** Time that a connection whose last response has ended is still read, so that the response is not lost. */
  readonly discardMs: number;
  /** Time that a half-closed HTTP connection to a device waits for the device's own close. */
  readonly lingerMs: number;
  /** One WebSocket message from a client of `webtunnel.md` section 4; the original sends 2,048. */
  readonly clientMessageBytes: number;
  /** Fragments of one WebSocket message, each of which costs more than its byte; beyond it: closed with 1008. */
  readonly messageFragments: number;
  /** Socket reads that one WebSocket frame may be spread over, for the same reason; beyond it: closed with 1008. */
  readonly messageReads: number;
  /** PONGs under way to one peer; who asks for more is cut off. */
  readonly pendingPongs: number;
  /** Services of devices of which it is known whether a setting was suggested; beyond it the oldest is forgotten. */
  readonly servicesHinted: number;
  /** Requests, WebSockets and client tunnels of one user at once; beyond it: 429. */
  readonly exchangesPerUser: number;
  /** Those of one user with one device: a quarter of `channelsPerTunnel`, so that others reach it as well. Beyond it: 429. */
  readonly exchangesPerDevice: number;
  /** Devices in one answer of the list of devices, and on its page: what is read from the data file at once. */
  readonly devicesPerPage: number;
  /** Bytes queued for a user's socket before its channel is paused. */
  readonly userQueueBytes: number;
  /** Body of a token request or another form of ours. */
  readonly formBytes: number;
  /** Time for such a body to come as a whole: whoever sends it may be a stranger. Then the connection is closed. */
  readonly formMs: number;
  /** Password verifications at once; each costs a thread and 16 MiB for some 40 ms. */
  readonly verificationsAtOnce: number;
  /** Password verifications that wait, of users and of devices each; beyond it: 503. */
  readonly verificationsWaiting: number;
  /** Verified credentials remembered, so that not every request costs a verification. */
  readonly verifiedCredentials: number;
  /** Sessions of one user, of each kind: browsers, devices opened in them, tokens; beyond it the least used ends. */
  readonly sessionsPerUser: number;
  /** Sessions of all users; beyond it the least recently used ends. */
  readonly sessions: number;
  /** How old the time of last use of a session may be in the store. */
  readonly sessionTouchMs: number;
  /** Failed log-ins from one place, or to one account, that cost no wait. */
  readonly logInFailures: number;
  /** The same for an IPv6 /48, of which anybody may have one. */
  readonly logInFailuresPerSite: number;
  /** Longest wait after further failures: it doubles from 1 s. Short, so that nobody can lock others out for long. */
  readonly logInWaitMs: number;
  /** Wrong one-time passwords that cost no wait: who gets that far knows the password, and six digits are few. */
  readonly secondFactorFailures: number;
  /** Longest wait after further ones: long, as places where the user has logged in before are counted by themselves. */
  readonly secondFactorWaitMs: number;
  /** After this time without a wrong one those before are forgotten. */
  readonly secondFactorMemoryMs: number;
  /** After this time without a failure those before are forgotten. */
  readonly logInMemoryMs: number;
  /** Addresses, names and browsers each, of which failures are remembered; beyond it the oldest are forgotten. */
  readonly logInsRemembered: number;
  /** Time for the one-time password after name and password in a browser, and for setting them up. */
  readonly secondFactorMs: number;
  /** How long a Digest nonce is good. */
  readonly nonceMs: number;
  /** Nonces remembered as used within that time; when all are taken, Digest waits for one to expire. */
  readonly usedNonces: number;
  /** Unknown devices kept for the operator to claim. */
  readonly unclaimedDevices: number;
  /** Those of one IPv4 /24 or IPv6 /48, so that strangers leave places to others. */
  readonly unclaimedPerNetwork: number;
  /** How long a call waits for another process that holds the data file: everything else waits as well. */
  readonly storeBusyMs: number;
  /** How long the data file is left alone after a call has failed; requests that need it get 503 meanwhile. */
  readonly storeRetryMs: number;
  /** Facts about devices that wait for a data file that cannot be written: some four for each tunnel. */
  readonly deferredWrites: number;
  /** How often the store is asked, while something is live, whether another process has changed it. */
  readonly storePollMs: number;
  /** One-time codes for sessions on hosts of devices that are good at once; beyond it the oldest goes of who has most. */
  readonly deviceCodes: number;
  /** Those of one user, who may open as many devices at once; beyond it the user's own oldest goes. */
  readonly deviceCodesPerUser: number;
  /** How long such a code is good: two redirects, on a slow line. */
  readonly deviceCodeMs: number;
  /** Audit file, before it is renamed and a new one begun: some 50,000 records. */
  readonly auditFileBytes: number;
  /** Audit files of that size that are kept beside the present one, and more of them while newer than `--audit-keep`. */
  readonly auditFiles: number;
  /** How long the same requests must not have come before the audit log sums them up. */
  readonly auditQuietMs: number;
  /** Kinds of requests that the audit log counts at once; the one that began first is summed up early. */
  readonly auditSeries: number;
  /** New kinds of strangers' refusals in ten times `auditQuietMs`; what is more is one kind: no flood wears the file out. */
  readonly auditStrangers: number;
  /** Devices that `device add --from` takes at once: twice as many as we know of any fleet. */
  readonly devicesAtOnce: number;
  /** How often at most it is noted in the store that somebody was refused who claimed to be a device. */
  readonly refusalNotedMs: number;
  /** Times that the same (a token, a tunnel, a log-in) is recorded by itself; what follows is counted. */
  readonly auditRepeats: number;
  /** Records of one user or device in ten times `auditQuietMs`, allowed and refused apart; what is more is counted together. */
  readonly auditRecords: number;
  /** How often the reflector looks how long its certificate is good. */
  readonly certificateMs: number;
  /** How long TLS handshakes of one network that fail for the same reason are one line of the log. */
  readonly handshakeQuietMs: number;
  /** Networks and reasons of failed TLS handshakes that get a line of their own in that time; further ones get none. */
  readonly handshakeKinds: number;
  /** How often traffic counters are written to the store. */
  readonly statisticsMs: number;
  /** Time for responses under way to end at shutdown. */
  readonly shutdownMs: number;
  /** Time for a peer to answer a WebSocket close frame. */
  readonly closeMs: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const defaultLimits: Limits = {
  headBytes: 32 * KiB,
  headLines: 512,
  headMs: 20_000,
  pipelinedRequests: 32,
  bodyIdleMs: 60_000,
  userStallMs: 120_000,
  readAheadMs: 1_000,
  readAheadBytes: 8 * MiB,
  readAheadTotalBytes: 128 * MiB,
  clientProbeMs: 30_000,
  leftoverMs: 120_000,
  connections: 20_000,
  strangersPerNetwork: 4_000,
  userIdleMs: 60_000,
  userProbeMs: 120_000,
  tunnels: 16_000,
  arrivalsAtOnce: 500,
  arrivalsPerSecondAtStart: 200,
  arrivalsPerSecond: 500,
  slowArrivalsAtOnce: 100,
  slowArrivalsPerSecondAtStart: 20,
  slowArrivalsPerSecond: 50,
  arrivalsRampMs: 60_000,
  arrivalsAskedMs: 300_000,
  arrivalsShareMs: 1_000,
  arrivalsPerDevice: 12,
  arrivalsReturning: 600,
  arrivalsPerDeviceMs: 60_000,
  arrivalsRemembered: 20_000,
  slowFailuresPerNetwork: 20,
  slowFailuresPerSite: 80,
  slowFailuresPerDevice: 5,
  slowFailuresMs: 60_000,
  slowFailuresRemembered: 10_000,
  maxFrame: 64 * KiB,
  window: 256 * KiB,
  channelHeldBytes: 1 * MiB,
  tunnelHeldBytes: 16 * MiB,
  heldBytes: 512 * MiB,
  stallMs: 30_000,
  channelsPerTunnel: 1024,
  tunnelQueueBytes: 128 * KiB,
  tunnelBacklogBytes: 1 * MiB,
  violationsPerTunnel: 100,
  propertiesBytes: 32 * KiB,
  propertiesSaveMs: 1_000,
  openMs: 15_000,
  pongMs: 30_000,
  httpConnectionsPerPort: 64,
  httpConnectionsPerUser: 6,
  learnedConnectionsMs: 600_000,
  idleCloseMs: 1_000,
  idleConnectionsPerPort: 8,
  idleConnectionMs: 4_000,
  responseMs: 120_000,
  responseHeadBytes: 64 * KiB,
  chunkLineBytes: 4 * KiB,
  earlyRefusalMs: 1_000,
  interimResponses: 16,
  discardMs: 30_000,
  lingerMs: 5_000,
  clientMessageBytes: 1 * MiB,
  messageFragments: 1024,
  messageReads: 4096,
  pendingPongs: 64,
  servicesHinted: 10_000,
  exchangesPerUser: 1024,
  exchangesPerDevice: 256,
  devicesPerPage: 200,
  userQueueBytes: 128 * KiB,
  formBytes: 8 * KiB,
  formMs: 20_000,
  verificationsAtOnce: 2,
  verificationsWaiting: 1024,
  verifiedCredentials: 1024,
  sessionsPerUser: 256,
  sessions: 50_000,
  sessionTouchMs: 60_000,
  logInFailures: 10,
  logInFailuresPerSite: 40,
  logInWaitMs: 60_000,
  secondFactorFailures: 5,
  secondFactorWaitMs: 86_400_000,
  secondFactorMemoryMs: 2_592_000_000,
  logInMemoryMs: 3_600_000,
  logInsRemembered: 10_000,
  secondFactorMs: 300_000,
  nonceMs: 60_000,
  usedNonces: 10_000,
  unclaimedDevices: 1000,
  unclaimedPerNetwork: 200,
  storeBusyMs: 100,
  storeRetryMs: 2_000,
  deferredWrites: 64_000,
  storePollMs: 2_000,
  deviceCodes: 10_000,
  deviceCodesPerUser: 256,
  deviceCodeMs: 60_000,
  auditFileBytes: 10 * MiB,
  auditFiles: 5,
  auditQuietMs: 60_000,
  auditSeries: 10_000,
  auditStrangers: 100,
  devicesAtOnce: 100_000,
  refusalNotedMs: 60_000,
  auditRepeats: 10,
  auditRecords: 500,
  certificateMs: 86_400_000,
  handshakeQuietMs: 3_600_000,
  handshakeKinds: 100,
  statisticsMs: 60_000,
  shutdownMs: 10_000,
  closeMs: 3_000,
};
