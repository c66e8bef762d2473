const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * Every limit of the reflector, with its reason. Sizes in bytes, times in milliseconds. `limits.integration.test.ts` and the tests
 * beside each user of a limit try to break it. `docs/reference/reflector-limits.md` is generated from the comments here
 * (`npm run reference -w rm-reflector`).
 */
export const defaultLimits = {
  /** Head of a request. Browsers send up to 16 KiB with large cookies; more is a flood. Beyond it: 431. */
  headBytes: 32 * KiB,
  /** Lines of a head, in a request or a device's response; `node:http` counts only names and values. Beyond it: 431. */
  headLines: 512,
  /** Time for the head of a request to arrive, so that slow heads do not tie up connections. */
  headMs: 20_000,
  /** Header of the PROXY protocol with its further fields (TLVs), from a trusted proxy. HAProxy sends up to 500 with those of a client certificate. Beyond it, the connection is closed. */
  proxyHeaderBytes: 2 * KiB,
  /** Time for that header to arrive: a proxy sends it with the first packet. */
  proxyHeaderMs: 5_000,
  /** First bytes of a connection, by which users are told from devices: the first message of TLS, or a head. A device that waits and sends more is closed. */
  firstBytes: 32 * KiB,
  /** Time for them to arrive. Then the connection goes on like that of a user. */
  firstBytesMs: 2_000,
  /** Turns of the event loop, one after the other, in which connections come and no waiting device is served, because there may be a user among them. */
  turnsForUsers: 16,
  /** Requests that one connection may send before the first is answered. Beyond it, the connection is closed. */
  pipelinedRequests: 32,
  /** Longest pause in a request body that the reflector is ready to read. Beyond it: 408. */
  bodyIdleMs: 60_000,
  /** Longest time that a user may read nothing of a waiting response, or of what a device that has ended left for a client tunnel. Then the connection is closed. */
  userStallMs: 120_000,
  /** How long a device may read nothing of an upload before the reflector reads ahead, to notice a user who has left. */
  readAheadMs: 1_000,
  /** Bytes read ahead for one user: as much as the kernels at both ends may still hold from a sender that has left. */
  readAheadBytes: 8 * MiB,
  /** Bytes read ahead for all users together. Beyond it, nothing more is read ahead. */
  readAheadTotalBytes: 128 * MiB,
  /** How often the reflector probes a client for which it no longer reads ahead. */
  clientProbeMs: 30_000,
  /** How long a device may read nothing of the data that a departed client left, and has to close its side afterwards. Then its connection is reset. */
  leftoverMs: 120_000,
  /** Connections of users and devices together. Each costs a file descriptor; a device 15 KiB, or with TLS 35 KiB, as measured. */
  connections: 20_000,
  /** Connections without a successful log-in from one IPv4 /24 or IPv6 /48. Further ones are closed at once, and devices that would have to wait already beyond half of them. */
  unauthenticatedPerNetwork: 4_000,
  /** How long a user connection stays open without a request. */
  userIdleMs: 60_000,
  /** Silence after which TCP probes a user or client. Devices have the keep-alive of their tunnel. */
  userProbeMs: 120_000,
  /** Connected devices. It leaves connections free for users. Beyond it: 503 for devices that are not yet connected. */
  tunnels: 16_000,
  /** Devices that may connect at the same moment before the rates below apply. A small fleet never notices them. */
  arrivalsAtOnce: 500,
  /** Devices admitted per second right after a start, while caches are empty. Beyond it: 503 with Retry-After. */
  arrivalsPerSecondAtStart: 200,
  /** The same later: what one thread can handle of TLS and the data file. */
  arrivalsPerSecond: 500,
  /** The same as `arrivalsAtOnce`, for devices whose password needs scrypt. */
  slowArrivalsAtOnce: 100,
  /** The same as `arrivalsPerSecondAtStart`, for devices whose password needs scrypt. */
  slowArrivalsPerSecondAtStart: 20,
  /** The same later: what two threads can verify at about 40 ms each. */
  slowArrivalsPerSecond: 50,
  /** Time from the start until the rates have reached their final values. */
  arrivalsRampMs: 60_000,
  /** Longest wait in `Retry-After` for a device. Agents may add up to the same time again. */
  arrivalsAskedMs: 300_000,
  /** How far waiting devices of one network may delay those of other networks. */
  arrivalsShareMs: 1_000,
  /** Times that one device may connect in `arrivalsPerDeviceMs`, so that a device in a reconnect loop takes no more places. */
  arrivalsPerDevice: 12,
  /** Reconnects from one IPv4 /24 or IPv6 /64 in that time. The first connection of each device does not count. */
  arrivalsReturning: 600,
  /** Time after which those connections no longer count. */
  arrivalsPerDeviceMs: 60_000,
  /** Devices and networks whose connections are counted. Beyond it, the oldest are forgotten. */
  arrivalsRemembered: 20_000,
  /** Wrong device passwords from one IPv4 /24 or IPv6 /64 in `slowFailuresMs`. Beyond it, the network has to wait. */
  slowFailuresPerNetwork: 20,
  /** The same for an IPv6 /48, since anybody may have a whole one. */
  slowFailuresPerSite: 80,
  /** The same for a device in the network of its last log-in, so that its neighbours cannot make it wait. */
  slowFailuresPerDevice: 5,
  /** Time after which these failures no longer count. One network then takes less than 1 % of all places. */
  slowFailuresMs: 60_000,
  /** Networks and devices whose failures are counted. Beyond it, the oldest are forgotten. */
  slowFailuresRemembered: 10_000,
  /** Largest data payload of a frame that the reflector offers (`webtunnel.md` section 5): one socket read. */
  maxFrame: 64 * KiB,
  /** Credit that the reflector offers for each channel and direction: the memory that one stalled user can hold. */
  window: 256 * KiB,
  /** Bytes held for one channel of a device without windows before its tunnel is paused. */
  channelHeldBytes: 1 * MiB,
  /** Bytes held for all channels of a tunnel. Beyond it, the user who holds most loses the fullest channel; without windows, the tunnel is paused first. */
  tunnelHeldBytes: 16 * MiB,
  /** Bytes held for all channels of all tunnels. Beyond it, the user who holds most loses the fullest channel. */
  heldBytes: 512 * MiB,
  /** How long a reader may keep a tunnel paused. Then its channel ends with error 4 and the others go on. */
  stallMs: 30_000,
  /** Channels of one tunnel, including those being opened: fewer than the 65,535 numbers, more than any known use. */
  channelsPerTunnel: 1024,
  /** Bytes queued for a device's socket before channels take turns: what a short request has to wait behind. */
  tunnelQueueBytes: 128 * KiB,
  /** Further bytes queued for a device's socket in control frames. A device that does not read them is disconnected. */
  tunnelBacklogBytes: 1 * MiB,
  /** Invalid frames of one tunnel before it is closed with 1008. The device is broken then, not just newer. */
  violationsPerTunnel: 100,
  /** All properties of a device, names and values. They are stored in the data file. */
  propertiesBytes: 32 * KiB,
  /** Delay before updated properties are stored, so that updates within it cost one write. */
  propertiesSaveMs: 1_000,
  /** Time for another node to connect to the relay: TCP, TLS and its hello, each. Nodes are close to each other. */
  relayHelloMs: 5_000,
  /** Silence of another node after which the relay sends it a PING. */
  relayQuietMs: 3_000,
  /** Time for a silent node to answer it. Longer than the longest pause of a busy process. Then its channels end. */
  relayPongMs: 4_000,
  /** Pause after a node could not be reached, or was lost, before it is dialled again. Channels fail at once meanwhile. */
  relayRetryMs: 500,
  /** How often the relay looks whether its TLS files have changed. */
  relayTlsMs: 60_000,
  /** Nodes that come and go, in lines of the log within `relayTlsMs`. One more line says that further ones are left out. */
  relayLines: 200,
  /** Connections of other nodes to the relay of one. */
  relayConnections: 1024,
  /** Those that have not said which node they are. Beyond it, the oldest is closed. */
  relayStrangers: 64,
  /** Those of one node. Beyond it, the oldest ends: it may be half-open. */
  relayConnectionsPerPeer: 4,
  /** Channels of one node to all others, and from one node to the devices of another: half of the numbers. */
  relayChannels: 32_768,
  /** Open requests of another node that devices have not answered. Further ones are refused. */
  relayOpening: 4096,
  /** Bytes held for slow readers in all channels to other nodes, and as many in those from them. Beyond it, the user who holds most loses the fullest channel. */
  relayHeldBytes: 256 * MiB,
  /** Bytes queued for another node before channels take turns. */
  relayQueueBytes: 256 * KiB,
  /** Further bytes queued for another node in control frames. A node that does not read them is disconnected. */
  relayBacklogBytes: 4 * MiB,
  /** Time for a device to answer an open request: its own connect time-out of 10 s and the round trip. */
  openMs: 15_000,
  /** Time for a silent device to answer a PING, if it supports the extension. */
  pongMs: 30_000,
  /** HTTP connections to one port of a device, unless the service sets its own number. Further requests wait. */
  httpConnectionsPerPort: 64,
  /** HTTP connections of one user to one port, as many as browsers open to a host. Endless streams come on top, up to half of all. */
  httpConnectionsPerUser: 6,
  /** How long the reflector remembers how many connections a device accepted before it refused one. */
  learnedConnectionsMs: 600_000,
  /** Time for a device to close an idle connection that blocks another one, before it is reset; also the pause between attempts to open one more. */
  idleCloseMs: 1_000,
  /** How long after a response a connection to a device that takes few carries a request with a body as well. */
  justServedMs: 2_000,
  /** Idle HTTP connections kept open to one port of a device. */
  idleConnectionsPerPort: 8,
  /** How long they are kept: less than the 5 s after which many servers close them. */
  idleConnectionMs: 4_000,
  /** Time without progress between the last byte of a request and the head of the response. Beyond it: 504. Also how long a device that has answered may take nothing of the rest of an upload. */
  responseMs: 120_000,
  /** Head of a device's response, and its trailers: twice what browsers send, for large cookies. Beyond it: 502. */
  responseHeadBytes: 64 * KiB,
  /** Line before a chunk of a device's response, with its extensions, which are dropped. Beyond it: 502, or the response is cut off. */
  chunkLineBytes: 4 * KiB,
  /** Pause of an upload, after the device has refused the request (300 to 599), that ends the response to the user. */
  earlyRefusalMs: 1_000,
  /** Responses with a 1xx status before the final one. They are passed on whether or not the user reads them. */
  interimResponses: 16,
  /** How long a connection is still read after its last response, so that the response is not lost. */
  discardMs: 30_000,
  /** How long a half-closed HTTP connection waits for the device to close its side, and how long a device may send to a departed client. */
  lingerMs: 5_000,
  /** One WebSocket message from a client (`webtunnel.md` section 4). The original sends 2,048. */
  clientMessageBytes: 1 * MiB,
  /** Fragments of one WebSocket message, each of which costs more than its bytes. Beyond it: closed with 1008. */
  messageFragments: 1024,
  /** Socket reads for one WebSocket frame, for the same reason. Beyond it: closed with 1008. */
  messageReads: 4096,
  /** PONGs queued for one peer. A peer that asks for more is disconnected. */
  pendingPongs: 64,
  /** Events that wait for one subscriber (`docs/ports/events.md`). Beyond it, the oldest are lost, and the subscriber is told. */
  eventsWaiting: 1000,
  /** Services for which the reflector remembers whether it has suggested a setting. Beyond it, the oldest is forgotten. */
  servicesHinted: 10_000,
  /** Requests, WebSockets and client tunnels of one user at the same time. Beyond it: 429. */
  exchangesPerUser: 1024,
  /** The same with one device: a quarter of `channelsPerTunnel`, so that others can use it as well. Beyond it: 429. */
  exchangesPerDevice: 256,
  /** Devices in one answer of the device list, and on one page: what one query reads from the data file. */
  devicesPerPage: 200,
  /** Bytes queued for a user's socket before its channel is paused. */
  userQueueBytes: 128 * KiB,
  /** Body of a token request, or of a form on the reflector's own pages. */
  formBytes: 8 * KiB,
  /** Time for that body to arrive, since the sender may be a stranger. Then the connection is closed. */
  formMs: 20_000,
  /** Password verifications at the same time. Each takes a thread and 16 MiB for about 40 ms. */
  verificationsAtOnce: 2,
  /** Password verifications that wait, for users and for devices separately. Beyond it: 503. */
  verificationsWaiting: 1024,
  /** Time that an added authenticator, such as a directory, has to answer. Beyond it, it counts as unavailable. */
  authenticatorMs: 10_000,
  /** Verified credentials that are remembered, so that not every request costs a verification. */
  verifiedCredentials: 1024,
  /** Sessions of one user, for each kind: browsers, devices opened in them, tokens. Beyond it, the least recently used ends. */
  sessionsPerUser: 256,
  /** Sessions of all users. Beyond it, the least recently used ends. */
  sessions: 50_000,
  /** How far the stored time of last use of a session may lag behind. */
  sessionTouchMs: 60_000,
  /** Failed log-ins from one place, or to one account, before a wait is imposed. */
  logInFailures: 10,
  /** The same for an IPv6 /48, since anybody may have a whole one. */
  logInFailuresPerSite: 40,
  /** Longest wait after further failures; it doubles from 1 s. Short, so that nobody can lock others out for long. */
  logInWaitMs: 60_000,
  /** Wrong one-time passwords before a wait is imposed. Few, as the guesser knows the password and a code has six digits. */
  secondFactorFailures: 5,
  /** Longest wait after further ones. Long, as browsers and addresses of earlier log-ins are counted separately. */
  secondFactorWaitMs: 86_400_000,
  /** Time without a wrong one-time password after which earlier ones no longer count. */
  secondFactorMemoryMs: 2_592_000_000,
  /** Time without a failed log-in after which earlier ones no longer count. */
  logInMemoryMs: 3_600_000,
  /** Addresses, names and browsers (each) whose failures are counted. Beyond it, the oldest are forgotten. */
  logInsRemembered: 10_000,
  /** Time to enter the one-time password after the password, and to set one-time passwords up. */
  secondFactorMs: 300_000,
  /** How long a Digest nonce is valid. */
  nonceMs: 60_000,
  /** Used nonces remembered within that time, and 5 s: those of all devices that may arrive in it. When all are taken, Digest waits for one to expire. */
  usedNonces: 33_000,
  /** Unknown devices kept for you to claim. */
  unclaimedDevices: 1000,
  /** Those from one IPv4 /24 or IPv6 /48, so that one stranger cannot take all places. */
  unclaimedPerNetwork: 200,
  /** How long a call waits while another process has locked the data file. Everything else waits as well. */
  storeBusyMs: 100,
  /** How long the data file is left alone after a failed call. Requests that need it get 503 meanwhile. */
  storeRetryMs: 2_000,
  /** Facts about devices kept in memory while the data file cannot be written: about four for each tunnel. */
  deferredWrites: 64_000,
  /** How old what the reflector knows of users, sessions and devices may be; how often it looks for changes by other processes while anything is live. */
  storePollMs: 2_000,
  /** How long a request waits for a store that is away at times. Then what is in memory counts, for the time that such a store allows. */
  storePatienceMs: 1_000,
  /** Users kept in memory, so that their requests read nothing from the store. Beyond it, the least recently used is forgotten. */
  cachedUsers: 10_000,
  /** The same for sessions. */
  cachedSessions: 20_000,
  /** The same for devices. */
  cachedDevices: 20_000,
  /** Valid one-time codes for device sessions. Beyond it, the user with the most codes loses the oldest one. */
  deviceCodes: 10_000,
  /** Those of one user, who may open as many devices at the same time. Beyond it, the oldest is dropped. */
  deviceCodesPerUser: 256,
  /** How long such a code is valid: two redirects on a slow line. */
  deviceCodeMs: 60_000,
  /** Size at which the audit file is renamed and a new one begun: about 50,000 records. */
  auditFileBytes: 10 * MiB,
  /** Older audit files that are kept; more if they are newer than `--audit-keep`. */
  auditFiles: 5,
  /** Pause after which the audit log sums up a series of equal requests. */
  auditQuietMs: 60_000,
  /** Series of equal requests counted at the same time. Beyond it, the oldest series is summed up early. */
  auditSeries: 10_000,
  /** New kinds of refusals of strangers in ten times `auditQuietMs`. Further ones are counted as one kind, so that a flood does not fill the file. */
  auditStrangers: 100,
  /** Devices in one `device add --from`: twice as many as the largest known fleet. */
  devicesAtOnce: 100_000,
  /** Shortest time between two stored refusals of peers that claimed to be the same device. */
  refusalNotedMs: 60_000,
  /** Equal records (of a token, a tunnel, a log-in) written one by one. Further ones are counted. */
  auditRepeats: 10,
  /** Records of one user or device in ten times `auditQuietMs`, allowed and refused counted apart. Further ones are counted together. */
  auditRecords: 500,
  /** How often the reflector checks when its certificate expires. */
  certificateMs: 86_400_000,
  /** Time in which failed TLS handshakes with the same network and reason are logged as one line. */
  handshakeQuietMs: 3_600_000,
  /** Combinations of network and reason that are logged in that time. Further ones are not. */
  handshakeKinds: 100,
  /** How often traffic counters are stored. */
  statisticsMs: 60_000,
  /** Time at shutdown for responses in progress to end. */
  shutdownMs: 10_000,
  /** Time for load balancers to notice by `/healthz` that the reflector drains: before it the first tunnel is not closed, unless it is more than a quarter of the window. With redirects, the time for the last devices to dial again. Also what a refused device is asked to wait. */
  drainNoticeMs: 5_000,
  /** Time for a peer to answer a WebSocket close frame. */
  closeMs: 3_000,
};

export type Limits = Readonly<typeof defaultLimits>;

/** Beyond the default number of tunnels, what is kept in memory for each of them grows with it; users have as many connections as ever. */
export function limitsFor(
  tunnels: number,
): Pick<Limits, 'tunnels' | 'connections' | 'arrivalsRemembered' | 'cachedDevices' | 'deferredWrites'> {
  const times = Math.max(1, tunnels / defaultLimits.tunnels);
  const { arrivalsRemembered, cachedDevices, deferredWrites } = defaultLimits;
  return {
    tunnels,
    connections: tunnels + defaultLimits.connections - defaultLimits.tunnels,
    arrivalsRemembered: Math.ceil(times * arrivalsRemembered),
    cachedDevices: Math.ceil(times * cachedDevices),
    deferredWrites: Math.ceil(times * deferredWrites),
  };
}
