/**
 * Every limit of the reflector, with its reason. Sizes in bytes, times in milliseconds. `limits.integration.test.ts` and the tests
 * beside each user of a limit try to break it. `docs/reference/reflector-limits.md` is generated from the comments here
 * (`npm run reference -w rm-reflector`).
 */
export interface Limits {
  /** Head of a request. Browsers send up to 16 KiB with large cookies; more is a flood. Beyond it: 431. */
  readonly headBytes: number;
  /** Lines of a head, in a request or a device's response; `node:http` counts only names and values. Beyond it: 431. */
  readonly headLines: number;
  /** Time for the head of a request to arrive, so that slow heads do not tie up connections. */
  readonly headMs: number;
  /** Requests that one connection may send before the first is answered. Beyond it, the connection is closed. */
  readonly pipelinedRequests: number;
  /** Longest pause in a request body that the reflector is ready to read. Beyond it: 408. */
  readonly bodyIdleMs: number;
  /** Longest time that a user may read nothing of a waiting response. Then the connection is closed. */
  readonly userStallMs: number;
  /** How long a device may read nothing of an upload before the reflector reads ahead, to notice a user who has left. */
  readonly readAheadMs: number;
  /** Bytes read ahead for one user: as much as the kernels at both ends may still hold from a sender that has left. */
  readonly readAheadBytes: number;
  /** Bytes read ahead for all users together. Beyond it, nothing more is read ahead. */
  readonly readAheadTotalBytes: number;
  /** How often the reflector probes a client for which it no longer reads ahead. */
  readonly clientProbeMs: number;
  /** How long a device may read nothing of the data that a departed client left. Then its connection is reset. */
  readonly leftoverMs: number;
  /** Connections of users and devices together. Each costs a file descriptor and about 10 KiB. */
  readonly connections: number;
  /** Connections without a successful log-in from one IPv4 /24 or IPv6 /48. Further ones are closed at once. */
  readonly strangersPerNetwork: number;
  /** How long a user connection stays open without a request. */
  readonly userIdleMs: number;
  /** Silence after which TCP probes a user or client. Devices have the keep-alive of their tunnel. */
  readonly userProbeMs: number;
  /** Connected devices. It leaves connections free for users. Beyond it: 503 for devices that are not yet connected. */
  readonly tunnels: number;
  /** Devices that may connect at the same moment before the rates below apply. A small fleet never notices them. */
  readonly arrivalsAtOnce: number;
  /** Devices admitted per second right after a start, while caches are empty. Beyond it: 503 with Retry-After. */
  readonly arrivalsPerSecondAtStart: number;
  /** The same later: what one thread can handle of TLS and the data file. */
  readonly arrivalsPerSecond: number;
  /** The same as `arrivalsAtOnce`, for devices whose password needs scrypt. */
  readonly slowArrivalsAtOnce: number;
  /** The same as `arrivalsPerSecondAtStart`, for devices whose password needs scrypt. */
  readonly slowArrivalsPerSecondAtStart: number;
  /** The same later: what two threads can verify at about 40 ms each. */
  readonly slowArrivalsPerSecond: number;
  /** Time from the start until the rates have reached their final values. */
  readonly arrivalsRampMs: number;
  /** Longest wait in `Retry-After` for a device. Agents may add up to the same time again. */
  readonly arrivalsAskedMs: number;
  /** How far waiting devices of one network may delay those of other networks. */
  readonly arrivalsShareMs: number;
  /** Times that one device may connect in `arrivalsPerDeviceMs`, so that a device in a reconnect loop takes no more places. */
  readonly arrivalsPerDevice: number;
  /** Reconnects from one IPv4 /24 or IPv6 /64 in that time. The first connection of each device does not count. */
  readonly arrivalsReturning: number;
  /** Time after which those connections no longer count. */
  readonly arrivalsPerDeviceMs: number;
  /** Devices and networks whose connections are counted. Beyond it, the oldest are forgotten. */
  readonly arrivalsRemembered: number;
  /** Wrong device passwords from one IPv4 /24 or IPv6 /64 in `slowFailuresMs`. Beyond it, the network has to wait. */
  readonly slowFailuresPerNetwork: number;
  /** The same for an IPv6 /48, since anybody may have a whole one. */
  readonly slowFailuresPerSite: number;
  /** The same for a device in the network of its last log-in, so that its neighbours cannot make it wait. */
  readonly slowFailuresPerDevice: number;
  /** Time after which these failures no longer count. One network then takes less than 1 % of all places. */
  readonly slowFailuresMs: number;
  /** Networks and devices whose failures are counted. Beyond it, the oldest are forgotten. */
  readonly slowFailuresRemembered: number;
  /** Largest data payload of a frame that the reflector offers (`webtunnel.md` section 5): one socket read. */
  readonly maxFrame: number;
  /** Credit that the reflector offers for each channel and direction: the memory that one stalled user can hold. */
  readonly window: number;
  /** Bytes held for one channel of a device without windows before its tunnel is paused. */
  readonly channelHeldBytes: number;
  /** Bytes held for all channels of a tunnel before it is paused, so that many stalled readers do not add up. */
  readonly tunnelHeldBytes: number;
  /** Bytes held for all channels of all tunnels. The tunnel that exceeds the limit loses its fullest channel. */
  readonly heldBytes: number;
  /** How long a reader may keep a tunnel paused. Then its channel ends with error 4 and the others go on. */
  readonly stallMs: number;
  /** Channels of one tunnel, including those being opened: fewer than the 65,535 numbers, more than any known use. */
  readonly channelsPerTunnel: number;
  /** Bytes queued for a device's socket before channels take turns: what a short request has to wait behind. */
  readonly tunnelQueueBytes: number;
  /** Further bytes queued for a device's socket in control frames. A device that does not read them is disconnected. */
  readonly tunnelBacklogBytes: number;
  /** Invalid frames of one tunnel before it is closed with 1008. The device is broken then, not just newer. */
  readonly violationsPerTunnel: number;
  /** All properties of a device, names and values. They are stored in the data file. */
  readonly propertiesBytes: number;
  /** Delay before updated properties are stored, so that updates within it cost one write. */
  readonly propertiesSaveMs: number;
  /** Time for a device to answer an open request: its own connect time-out of 10 s and the round trip. */
  readonly openMs: number;
  /** Time for a silent device to answer a PING, if it supports the extension. */
  readonly pongMs: number;
  /** HTTP connections to one port of a device, unless the service sets its own number. Further requests wait. */
  readonly httpConnectionsPerPort: number;
  /** HTTP connections of one user to one port, as many as browsers open to a host. Endless streams come on top, up to half of all. */
  readonly httpConnectionsPerUser: number;
  /** How long the reflector remembers how many connections a device accepted before it refused one. */
  readonly learnedConnectionsMs: number;
  /** Time for a device to close an idle connection that blocks another one, before it is reset; also the pause between attempts to open one more. */
  readonly idleCloseMs: number;
  /** Idle HTTP connections kept open to one port of a device. */
  readonly idleConnectionsPerPort: number;
  /** How long they are kept: less than the 5 s after which many servers close them. */
  readonly idleConnectionMs: number;
  /** Time without progress between the last byte of a request and the head of the response. Beyond it: 504. Also how long a device that has answered may take nothing of the rest of an upload. */
  readonly responseMs: number;
  /** Head of a device's response, and its trailers: twice what browsers send, for large cookies. Beyond it: 502. */
  readonly responseHeadBytes: number;
  /** Line before a chunk of a device's response, with its extensions, which are dropped. Beyond it: 502, or the response is cut off. */
  readonly chunkLineBytes: number;
  /** Pause of an upload, after the device has refused the request (300 to 599), that ends the response to the user. */
  readonly earlyRefusalMs: number;
  /** Responses with a 1xx status before the final one. They are passed on whether or not the user reads them. */
  readonly interimResponses: number;
  /** How long a connection is still read after its last response, so that the response is not lost. */
  readonly discardMs: number;
  /** How long a half-closed HTTP connection waits for the device to close its side. */
  readonly lingerMs: number;
  /** One WebSocket message from a client (`webtunnel.md` section 4). The original sends 2,048. */
  readonly clientMessageBytes: number;
  /** Fragments of one WebSocket message, each of which costs more than its bytes. Beyond it: closed with 1008. */
  readonly messageFragments: number;
  /** Socket reads for one WebSocket frame, for the same reason. Beyond it: closed with 1008. */
  readonly messageReads: number;
  /** PONGs queued for one peer. A peer that asks for more is disconnected. */
  readonly pendingPongs: number;
  /** Services for which the reflector remembers whether it has suggested a setting. Beyond it, the oldest is forgotten. */
  readonly servicesHinted: number;
  /** Requests, WebSockets and client tunnels of one user at the same time. Beyond it: 429. */
  readonly exchangesPerUser: number;
  /** The same with one device: a quarter of `channelsPerTunnel`, so that others can use it as well. Beyond it: 429. */
  readonly exchangesPerDevice: number;
  /** Devices in one answer of the device list, and on one page: what one query reads from the data file. */
  readonly devicesPerPage: number;
  /** Bytes queued for a user's socket before its channel is paused. */
  readonly userQueueBytes: number;
  /** Body of a token request, or of a form on the reflector's own pages. */
  readonly formBytes: number;
  /** Time for that body to arrive, since the sender may be a stranger. Then the connection is closed. */
  readonly formMs: number;
  /** Password verifications at the same time. Each takes a thread and 16 MiB for about 40 ms. */
  readonly verificationsAtOnce: number;
  /** Password verifications that wait, for users and for devices separately. Beyond it: 503. */
  readonly verificationsWaiting: number;
  /** Verified credentials that are remembered, so that not every request costs a verification. */
  readonly verifiedCredentials: number;
  /** Sessions of one user, for each kind: browsers, devices opened in them, tokens. Beyond it, the least recently used ends. */
  readonly sessionsPerUser: number;
  /** Sessions of all users. Beyond it, the least recently used ends. */
  readonly sessions: number;
  /** How far the stored time of last use of a session may lag behind. */
  readonly sessionTouchMs: number;
  /** Failed log-ins from one place, or to one account, before a wait is imposed. */
  readonly logInFailures: number;
  /** The same for an IPv6 /48, since anybody may have a whole one. */
  readonly logInFailuresPerSite: number;
  /** Longest wait after further failures; it doubles from 1 s. Short, so that nobody can lock others out for long. */
  readonly logInWaitMs: number;
  /** Wrong one-time passwords before a wait is imposed. Few, as the guesser knows the password and a code has six digits. */
  readonly secondFactorFailures: number;
  /** Longest wait after further ones. Long, as browsers and addresses of earlier log-ins are counted separately. */
  readonly secondFactorWaitMs: number;
  /** Time without a wrong one-time password after which earlier ones no longer count. */
  readonly secondFactorMemoryMs: number;
  /** Time without a failed log-in after which earlier ones no longer count. */
  readonly logInMemoryMs: number;
  /** Addresses, names and browsers (each) whose failures are counted. Beyond it, the oldest are forgotten. */
  readonly logInsRemembered: number;
  /** Time to enter the one-time password after the password, and to set one-time passwords up. */
  readonly secondFactorMs: number;
  /** How long a Digest nonce is valid. */
  readonly nonceMs: number;
  /** Used nonces remembered within that time. When all are taken, Digest waits for one to expire. */
  readonly usedNonces: number;
  /** Unknown devices kept for you to claim. */
  readonly unclaimedDevices: number;
  /** Those from one IPv4 /24 or IPv6 /48, so that one stranger cannot take all places. */
  readonly unclaimedPerNetwork: number;
  /** How long a call waits while another process has locked the data file. Everything else waits as well. */
  readonly storeBusyMs: number;
  /** How long the data file is left alone after a failed call. Requests that need it get 503 meanwhile. */
  readonly storeRetryMs: number;
  /** Facts about devices kept in memory while the data file cannot be written: about four for each tunnel. */
  readonly deferredWrites: number;
  /** How often the reflector checks, while anything is live, whether another process has changed the data file. */
  readonly storePollMs: number;
  /** Valid one-time codes for device sessions. Beyond it, the user with the most codes loses the oldest one. */
  readonly deviceCodes: number;
  /** Those of one user, who may open as many devices at the same time. Beyond it, the oldest is dropped. */
  readonly deviceCodesPerUser: number;
  /** How long such a code is valid: two redirects on a slow line. */
  readonly deviceCodeMs: number;
  /** Size at which the audit file is renamed and a new one begun: about 50,000 records. */
  readonly auditFileBytes: number;
  /** Older audit files that are kept; more if they are newer than `--audit-keep`. */
  readonly auditFiles: number;
  /** Pause after which the audit log sums up a series of equal requests. */
  readonly auditQuietMs: number;
  /** Series of equal requests counted at the same time. Beyond it, the oldest series is summed up early. */
  readonly auditSeries: number;
  /** New kinds of refusals of strangers in ten times `auditQuietMs`. Further ones are counted as one kind, so that a flood does not fill the file. */
  readonly auditStrangers: number;
  /** Devices in one `device add --from`: twice as many as the largest known fleet. */
  readonly devicesAtOnce: number;
  /** Shortest time between two stored refusals of peers that claimed to be the same device. */
  readonly refusalNotedMs: number;
  /** Equal records (of a token, a tunnel, a log-in) written one by one. Further ones are counted. */
  readonly auditRepeats: number;
  /** Records of one user or device in ten times `auditQuietMs`, allowed and refused counted apart. Further ones are counted together. */
  readonly auditRecords: number;
  /** How often the reflector checks when its certificate expires. */
  readonly certificateMs: number;
  /** Time in which failed TLS handshakes with the same network and reason are logged as one line. */
  readonly handshakeQuietMs: number;
  /** Combinations of network and reason that are logged in that time. Further ones are not. */
  readonly handshakeKinds: number;
  /** How often traffic counters are stored. */
  readonly statisticsMs: number;
  /** Time at shutdown for responses in progress to end. */
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
