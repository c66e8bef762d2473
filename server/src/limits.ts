/** Every bound of the server beside those of the reflector, with its reason. */
export const defaultLimits = {
  /** Bytes of the body of a call to the API. A device's properties and notes are the largest. */
  bodyBytes: 262_144,
  /** Values in a body or a query of which all faults are looked for. Of more, the first is told: all take as long as there are values. */
  checkedValues: 500,
  /** Faults that are told of one call. More say nothing more to a person. */
  faultsTold: 20,
  /** Records of one page of a list. */
  pageSize: 200,
  /** Records of a page where none is asked for. */
  defaultPageSize: 50,
  /** Characters of an `Idempotency-Key`. */
  idempotencyKeyLength: 128,
  /** Milliseconds for which the answer to an `Idempotency-Key` is kept: a program that repeats a call does so within a day. */
  idempotencyMs: 86_400_000,
  /** Answers kept of one user. Older ones go: a program has few calls under way. */
  idempotencyKeysPerUser: 1_000,
  /** Characters of an answer that is kept in memory. A longer one is not given again. */
  idempotencyAnswerBytes: 65_536,
  /** Calls to the API that one user may have begun at once in a row. */
  callsBurst: 200,
  /** Milliseconds in which one more call of a user becomes free: 50 in a second. */
  callMs: 20,
  /** Users whose calls are counted one by one. */
  callers: 10_000,
  /** How long the event loop sleeps before the next call begins, of the time that it has worked since the last one began. */
  callRest: 1,
  /** Milliseconds after which the next call begins even so: tunnels that keep the loop busy do not stop the API. */
  callRestMs: 10,
  /** Queries that wait for the worker that reads the data file. Beyond it, the user with most of them loses one. */
  readsWaiting: 256,
  /** Milliseconds that a query may take, from when the worker begins it. The worker is replaced then. */
  readMs: 10_000,
  /** Milliseconds that the worker may take to start: it loads modules and opens the file, which takes seconds on a busy machine. */
  readerStartMs: 60_000,
  /** Queries of different text that it keeps compiled, some 10 KB each: words and filters of a search make many. Beyond it, it is replaced. */
  readTexts: 1_000,
  /** Days for which the traffic of each day is kept: more than a year, to compare with. */
  trafficDays: 400,
  /** How often it is looked whether a domain has used up its bytes of the month; they are counted as often. */
  quotaCheckMs: 60_000,
  /** How long a node goes by the devices that it has counted on line at all nodes: with what they note, below 2 s. */
  quotaCountMs: 1_000,
  /** Domains whose devices on line a node has counted. Beyond it, the one counted longest ago is counted again. */
  quotaCounts: 1_000,
  /** Milliseconds for which a device that was let in has its place before it is on line; lost connections take no longer. */
  arrivalMs: 30_000,
  /** Seconds after which a device comes back whose domain has as many on line as it may. */
  quotaRetrySeconds: 300,
  /** Characters of the name, and of the description, of a device or a domain. */
  nameLength: 200,
  descriptionLength: 2_000,
  /** Characters of the notes about a device. */
  notesLength: 16_384,
  /** Tags of a device, and characters of one. */
  tags: 32,
  tagLength: 64,
  /** Properties that users give a device, characters of the name and value of one, and of all together as JSON. */
  userProperties: 64,
  propertyNameLength: 64,
  /** Properties that a list shows of each device: more columns than a screen has room for. */
  listedProperties: 10,
  propertyValueLength: 4_096,
  userPropertiesLength: 65_536,
  /** Bytes of one file of the branding: a logo of more makes every page slow. */
  brandFileBytes: 262_144,
  /** Files of the branding, those of all domains together, and their bytes: all of them are in memory. */
  brandFiles: 2_000,
  brandBytes: 33_554_432,
  /** Domains with a brand of their own. */
  brandDomains: 200,
  /** Milliseconds for which a ticket is good: a page uses it at once. */
  ticketMs: 60_000,
  /** Tickets that are not used: of a user who opens many connections at once, and in all. */
  ticketsPerUser: 64,
  tickets: 10_000,
  /** Milliseconds in which a page sends its ticket. */
  ticketWaitMs: 10_000,
  /** Bytes that may come before a ticket is there: four times a ticket. */
  ticketBytes: 128,
  /** The same where several nodes take tickets, which say themselves what they are for. */
  sharedTicketBytes: 4_096,
  /**
   * Terminals whose SSH ends at the server, each a thread of some 20 MB: in all, for devices of one domain, so that it leaves room for
   * others, and of one user: all tabs of a page, and some more.
   */
  sshThreads: 64,
  sshThreadsPerDomain: 48,
  sshThreadsPerUser: 16,
  /** Milliseconds until the device has granted the shell of such a terminal: as OpenSSH waits for a log-in. */
  sshLogInMs: 120_000,
  /** How long such a terminal may take to leave the device in order once its page has gone. A device that takes nothing keeps its place. */
  sshPartingMs: 5_000,
  /** How often it is looked for recordings of terminals that have been kept for long enough. */
  recordingSweepMs: 3_600_000,
  /** How often the log has each reason for which terminals cannot be recorded: all of them end while a disk is full. */
  recordingRefusalsMs: 60_000,
  /** Milliseconds for which a recording makes no room for others: a day to look at it, and for those who were refused to come again. */
  recordingHeldMs: 86_400_000,
  /** What recordings that make no room may take: a quarter of it those of one user, a half those of one domain. */
  recordingsUserShare: 4,
  recordingsDomainShare: 2,
  /** Of what those of one user may take, those at one device take a half: one that says much keeps nobody from the others. */
  recordingsDeviceShare: 2,
  /** Bytes that a recording counts for at least: a block of a file system. */
  recordingLeastBytes: 4_096,
  /** Recordings in all: each counts for a part of the room in so many. Lists and sums look at all of them. */
  recordings: 20_000,
  /** How often the log has each reason for which the SSH of terminals has failed at the server. */
  terminalWarnMs: 60_000,
  /** SSH host keys of one device: one for each port that terminals use. */
  hostKeysPerDevice: 32,
  /** Of these, those that one user has trusted: nobody uses them up for the others. */
  hostKeysPerUser: 8,
  /** Time for a connection to an LDAP directory; three servers fit into `limits.authenticatorMs` of the core. */
  ldapConnectMs: 2_500,
  /** Time for one answer of it. */
  ldapAnswerMs: 4_000,
  /** Log-ins that ask it at the same time; each is a connection. Further ones wait. */
  ldapAtOnce: 16,
  /** Log-ins that wait for that. Beyond it: 503. */
  ldapWaiting: 256,
  /** After a failure it is not asked again for this long, so that a directory that is down does not delay every log-in. */
  ldapPauseMs: 5_000,
  /** Levels of groups in groups. Deeper ones do not count, and the log says so. */
  groupLevels: 12,
  /** Groups of one user. Beyond it the user is refused: nobody is to get less than they have. */
  groupsPerUser: 2_000,
  /** How long a password that the directory has just taken is not asked about again: programs send theirs with every request. */
  provenMs: 60_000,
  /** Users whose password is remembered for that. Beyond it, the least recently used are asked about again. */
  provenRemembered: 10_000,
  /** Wrong passwords of one user that are compared while the directory is away; then only the directory decides. */
  offlineGuesses: 10,
  /** Time for one answer of a provider of OpenID Connect. */
  oidcAnswerMs: 8_000,
  /** Bytes of such an answer: keys of many years fit. */
  oidcAnswerBytes: 1_048_576,
  /** How long the configuration of a provider counts. */
  oidcDiscoveryMs: 3_600_000,
  /** After a failure it is not asked again for this long. */
  oidcPauseMs: 5_000,
  /** Time from the start of a log-in at a provider until the browser is back. */
  oidcLogInMs: 600_000,
  /** Browsers that come back at the same time; each costs a call to the provider. Further ones wait. */
  oidcAtOnce: 32,
  /** Browsers that wait for that. Beyond it: 503. */
  oidcWaiting: 256,
  /** Age of a log-out token of a provider; an older one is refused. */
  oidcLogOutMs: 300_000,
  /** Characters of an ID token that is kept, to be sent in an address at the log-out. Without a longer one the provider asks more. */
  oidcIdTokenLength: 6_000,
  /** Log-out tokens that are remembered, so that none counts twice. */
  oidcLogOutsRemembered: 10_000,
  /** Characters of the address that a log-in at a provider leads on to. A longer one is dropped. */
  nextLength: 1_500,
  /** How often it is looked for members whose time is over. */
  sweepMs: 60_000,
  /** Bytes of a password. Directories take no more, and comparing more costs more. */
  passwordBytes: 1024,
  /** Milliseconds for which an invitation is good: people read their mail within a week. */
  invitationMs: 604_800_000,
  /** Milliseconds for which a mail for another password is good: whoever asks for it waits for it. */
  resetMs: 3_600_000,
  /** Such mails to one user within `resetMs`: nobody's mailbox is filled by others. */
  resetsPerUser: 3,
  /** Mails for other passwords that wait for the mail server. Beyond it none is sent. */
  resetsWaiting: 20,
  /** Milliseconds that the mail server may take for each step. */
  mailMs: 20_000,
  /** Calls of one address (or IPv6 network) without a log-in, in `openCallsMs`: each may cost a mail. */
  openCallsPerAddress: 20,
  openCallsMs: 60_000,
  /** Milliseconds for which records of the audit log are gathered before they are written to the store together. */
  auditBatchMs: 500,
  /** Records that wait for the store. Beyond it they are lost there, which is a record itself; the file has them. */
  auditWaiting: 20_000,
  /** How often old records are removed, and how many at once: each batch stops the loop for some milliseconds. */
  auditSweepMs: 600_000,
  auditRemovedAtOnce: 2_000,
  /** Records of one query of an export. */
  auditExportPage: 1_000,
  /** API keys of one user. */
  keysPerUser: 100,
  /** Milliseconds for which the use of an API key is noted once. */
  keyUseMs: 60_000,
  /** Groups in all: everything about one is read by name, but people have to find their way among them. */
  groups: 1_000,
  /** Grants of one user or group. All grants of a user are read at once. */
  grantsPerSubject: 1_000,
  /** Events kept in the data file, some 300 bytes each: a fleet of 10,000 devices that comes back has 20,000. */
  eventsKept: 200_000,
  /** How long they are kept: a reader that was away for a weekend has missed nothing. */
  eventsKeptMs: 604_800_000,
  /** Old events removed each time that new ones are stored, so that no write takes long. More than come at once. */
  eventsPruned: 2_000,
  /** The latest events, which are kept in memory, so that readers who keep up read nothing from the data file. */
  eventsInMemory: 2_000,
  /** How often events are looked for that other programs have added, such as a command that adds a device. */
  eventsPollMs: 500,
  /** Characters of the details of one event. Beyond it, its long values are null. */
  eventBytes: 4_096,
  /** Events written at once. */
  eventsBatch: 500,
  /** How long events wait for others to be written with them. What is not written is lost when the process dies. */
  eventsBatchMs: 100,
  /** Events that wait while the data file cannot be written. Beyond it, the oldest are lost, and readers are told. */
  eventsPending: 5_000,
  /** Shortest time between two events that say how a device describes itself: some of them send a temperature. */
  propertiesEventMs: 10_000,
  /** Readers of the event stream. Beyond it: 503. */
  eventStreams: 1_000,
  /** Those of one user. Beyond it: 429. */
  eventStreamsPerUser: 50,
  /** Silence after which a reader gets a sign of life, with a new cursor. Many proxies end what is silent for 60 s. */
  eventHeartbeatMs: 25_000,
  /** How old what a reader may see may be: rights change meanwhile. */
  eventRightsMs: 1_000,
  /** Values of one filter of the event stream. */
  eventFilterValues: 100,
  /** Events taken from the log at once for one reader, which may be slow to take them. */
  eventsRead: 256,
  /** Webhooks of one domain, and those for everything. Each event is compared with each. */
  webhooksPerDomain: 100,
  /** Characters of the address of a webhook. */
  webhookUrlLength: 2_048,
  /** Messages that wait for one receiver. Beyond it, they wait in the log of events, for as long as that keeps them. */
  webhookWaiting: 1_000,
  /** Messages kept of one webhook, to be seen and sent again; and for how long. */
  deliveriesKept: 1_000,
  deliveriesKeptMs: 604_800_000,
  /** Time that a receiver has to answer: Standard Webhooks proposes 15 to 30 s. */
  webhookMs: 15_000,
  /** Bytes of an answer that are read and kept: enough for an error message. */
  webhookAnswerBytes: 1_024,
  /** Posts at the same time, in all, for one domain, and to one receiver. */
  webhookPosts: 32,
  webhookPostsPerDomain: 8,
  webhookPostsEach: 4,
  /** Longest time for which a receiver that fails is left alone: so it is noticed soon that it works again. */
  webhookPauseMs: 60_000,
  /** The same where the receiver asks for it by `Retry-After`. */
  webhookRetryAfterMs: 3_600_000,
  /** How long a receiver may fail all the time before its webhook is disabled: a weekend, and a day to notice. */
  webhookFailingMs: 432_000_000,
  /** How often it is looked whether something is to be tried again. */
  webhookTickMs: 1_000,
  /** How long the former secret of a webhook signs too: a day to tell the receiver the new one. */
  formerSecretMs: 86_400_000,
  /** What one answer may take of the cache: an eighth of it. */
  cacheShare: 8,
  /** What a user may be reading of the cache: a quarter of it. It cannot go meanwhile, however slowly it is read. */
  cacheReadingShare: 4,
  /** Bytes that an answer costs in the cache besides its own: objects, keys and their places in tables. */
  cacheOverheadBytes: 1_024,
  /** Bytes for which room is taken at once while an answer comes, so that a device that promises much and sends little takes little. */
  cacheBlockBytes: 16_384,
  /** How long an answer is given without asking the device, whatever it says: a day. */
  cacheFreshMs: 86_400_000,
  /** The same where the device does not say how long: a tenth of the time since the last change, but no more than an hour. */
  cacheHeuristicMs: 3_600_000,
  /** How long the number of devices in the figures may be old: counting them reads them all. */
  metricsDevicesMs: 15_000,
  /** Connections to the listener of the figures, and the time that a request may take to come. */
  metricsConnections: 20,
  metricsMs: 10_000,
  /** Requests for enrolment that one network may make at once in a row: a rack of devices behind one address. */
  enrolmentsBurst: 60,
  /** Milliseconds in which one more becomes free. */
  enrolmentMs: 1_000,
  /** Networks whose requests are counted one by one. */
  enrolmentNetworks: 10_000,
  /** Enrolment keys of one domain: old ones are removed by people. */
  enrolmentKeysPerDomain: 1_000,
  /** Bytes of a request for enrolment: a request for a certificate has about 500. */
  enrolmentBytes: 8_192,
  /** Devices that wait for a person, in all and of one network: strangers take no more room than that. */
  enrolmentsWaiting: 10_000,
  enrolmentsWaitingPerNetwork: 256,
  /** Milliseconds after which a device that does not come again has waited for nothing: a day. */
  enrolmentForgottenMs: 86_400_000,
  /** Milliseconds for which a device that was accepted may come for its credentials: a week. Then somebody must accept it again. */
  enrolmentAcceptedMs: 604_800_000,
  /** Seconds after which a waiting device is asked to come again: somebody may be typing its code. */
  enrolmentRetrySeconds: 10,
  /** The same when it has waited for an hour. */
  enrolmentIdleRetrySeconds: 60,
  /** Milliseconds for which the certificate of a device is good: 90 days. It renews it after two thirds. */
  enrolmentCertificateMs: 7_776_000_000,
  /** Milliseconds after which another worker takes the place of one that has ended; doubled each time, at most to the second. */
  workerRestartMs: 1_000,
  workerRestartMaxMs: 30_000,
  /** Milliseconds after which a worker counts as one that works. */
  workerSteadyMs: 60_000,
};

export type Limits = typeof defaultLimits;
