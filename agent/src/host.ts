import type { Cancellable, Clock, Mask, SystemErrorCode } from 'rm-protocol';

export type { Cancellable, Clock };

/**
 * The port to the machine: everything the agent needs from outside, as types only.
 *
 * Two adapters implement it: `node/` on Node.js and `tiny/` on our C runtime. A host is dumb: it moves bytes,
 * measures time and reports what happened. Every decision (time limits, retries, bounds, order) is
 * made above this file.
 *
 * Rules that every adapter keeps:
 * - Callbacks come from the event loop, never from inside a call into the host. After `destroy()`, `cancel()` or
 *   `close()` of an object no callback of it comes any more.
 * - A received view is valid only during its callback.
 * - Nothing here throws because of the network: failures arrive as {@link HostError} values. File access throws
 *   {@link HostFailure}.
 */
export interface Host {
  readonly clock: LocalClock;
  readonly crypto: Crypto;
  readonly network: Network;
  readonly files: Files;
  readonly processes: Processes;
  readonly system: System;
}

/** The clock of the machine, which also knows its time zone. It schedules some years ahead. */
export interface LocalClock extends Clock {
  /** Minutes by which local time, as the system's time zone has it, is ahead of UTC at this time (Unix milliseconds). */
  utcOffset(dateMs: number): number;
}

export type DigestAlgorithm = 'sha-1' | 'sha-256' | 'md5';

export interface Crypto {
  /** Fills `bytes` from the operating system's cryptographic random source. */
  random(bytes: Uint8Array): void;
  /** The digest of `data`: 20 bytes (SHA-1), 32 (SHA-256) or 16 (MD5). */
  digest(algorithm: DigestAlgorithm, data: Uint8Array): Uint8Array;
  readonly mask: Mask;
  /** A new key pair of P-256: the private scalar (32 bytes), then the public point, uncompressed (65; SEC 1 section 2.3.3). */
  generateKey(): Uint8Array;
  /** The ECDSA signature of `data` with SHA-256 and such a scalar, as DER (RFC 3279 section 2.2.3). */
  signature(scalar: Uint8Array, data: Uint8Array): Uint8Array;
}

/** What went wrong, in terms a decision can be made on. */
export type HostErrorCode =
  | SystemErrorCode
  | 'name-not-found'
  | 'name-failure'
  | 'tls-untrusted'
  | 'tls-expired'
  | 'tls-not-yet-valid'
  | 'tls-host-name'
  | 'tls-client-certificate'
  | 'tls-protocol'
  | 'tls-files';

export interface HostError {
  readonly code: HostErrorCode;
  /** For a person: one line, no secret in it, without the address (the caller knows it). */
  readonly message: string;
}

/** Thrown by {@link Files}; the only exception an adapter may throw on purpose. It satisfies {@link HostError}. */
export interface HostFailure extends Error {
  readonly code: HostErrorCode;
}

export interface Address {
  /** An IPv4 or IPv6 literal. */
  readonly address: string;
  readonly family: 4 | 6;
}

export interface TlsOptions {
  /** Sent as server name (SNI, unless an IP literal) and checked against the certificate (RFC 9525). */
  readonly serverName: string;
  /** PEM file or a directory of PEM files; `null`: those of {@link Network.ownAuthorities}, and without them none. */
  readonly ca: string | null;
  /** The time that validity dates are checked against, in milliseconds since 1970; `null`: now, by the system's clock. */
  readonly judgedAt: number | null;
  /** With `judgedAt`: it may be later than that, so a certificate that is not valid yet then counts as valid. */
  readonly ignoreNotBefore?: boolean;
  /** PEM file with the client certificate chain, or `null`. Read anew for each connection, as is `key`. */
  readonly certificate: string | null;
  /** PEM file with the client's private key; `null`: it is in the file of `certificate`. */
  readonly key: string | null;
  /** Those before 1.2 only where the host has them: see {@link Network.oldTls}. */
  readonly minVersion: '1.0' | '1.1' | '1.2' | '1.3';
  /** `false` accepts any certificate; the caller has warned loudly. */
  readonly verify: boolean;
}

export interface TlsSession {
  /** `TLSv1.2`, `TLSv1.3`, or an older one that was allowed. */
  readonly version: string;
  readonly cipher: string;
  /** SHA-256 of the SubjectPublicKeyInfo of the peer's certificate (32 bytes), for pins (RFC 7469 section 2.4). */
  readonly publicKeyDigest: Uint8Array;
}

/**
 * Events of a socket. The order is `connected` (once), `secured` (once after each `startTls`), then any number of
 * `data` and `taken`, `ended` at most once, and `closed` exactly once as the last, unless `destroy()` came first.
 */
export interface SocketHandler {
  connected(): void;
  /** The TLS handshake is complete and the peer is verified. */
  secured?(session: TlsSession): void;
  /** `bytes[start..end)` arrived; valid only during the call. */
  data(bytes: Uint8Array, start: number, end: number): void;
  /** The kernel (for a TLS socket: the record layer and the kernel behind it) has taken `count` more bytes of those written. */
  taken(count: number): void;
  /** The peer has sent FIN or close_notify: no more data comes; writing may go on. */
  ended(): void;
  /** The socket is gone: after both directions ended (`null`), or because of an error. */
  closed(error: HostError | null): void;
}

export interface Socket {
  /**
   * Queues `bytes[start..end)` (all by default) behind what was written before. The host sends as much as the kernel
   * takes and keeps the rest; the queue's bound is the caller's duty, by counting `taken`.
   * Returns true when the host holds no reference to `bytes`, so that the caller may change them at once; false when
   * they must stay as they are. A received view may be written on during its callback without a copy.
   * Ignored after `end()` and after the socket has closed.
   */
  write(bytes: Uint8Array, start?: number, end?: number): boolean;
  /** Sends FIN (close_notify) once all that was written is sent. Reading goes on. Idempotent. */
  end(): void;
  /** Stops and restarts reading; a paused socket lets the kernel's window fill. Both idempotent. */
  pause(): void;
  resume(): void;
  /**
   * Asks that no later `data` call brings more than `bytes` (at least 1), so that nothing is read that can't be passed
   * on. A hint only: what is under way may be more, and a host that can't bound its reads leaves this out.
   */
  readAtMost?(bytes: number): void;
  /** Closes at once and drops what is queued: a TCP peer sees a reset unless both directions had ended. Idempotent. */
  destroy(): void;
  /** Starts TLS as client over this connected socket; from then on `data` and `write` are plain text within it. */
  startTls(options: TlsOptions): void;
}

export interface ConnectOptions {
  /** An IPv4 or IPv6 literal; names are resolved first, with {@link Network.resolve}. */
  readonly address: string;
  readonly port: number;
  /**
   * TCP keep-alive (RFC 9293 section 3.8.4): seconds of silence before the kernel asks whether the peer is still there;
   * a peer that has vanished ends as `timed-out`. Absent or 0: never.
   */
  readonly probeAfterSeconds?: number;
}

export interface Listener {
  close(): void;
}

export interface Network {
  /** What the host brings of authorities where the system has none, in words; absent: nothing. */
  readonly ownAuthorities?: string;
  /** The TLS library has versions 1.0 and 1.1. */
  readonly oldTls?: boolean;
  /**
   * All addresses of `name` in the resolver's order, off the loop. An IP literal gives itself. Fails with
   * `name-not-found` (the name does not exist or has no address) or `name-failure` (no answer, no network).
   */
  resolve(name: string, done: (addresses: readonly Address[], error: HostError | null) => void): Cancellable;
  /** Dials TCP with TCP_NODELAY set. There is no time limit; the caller arms its own and calls `destroy()`. */
  connect(options: ConnectOptions, handler: SocketHandler): Socket;
  /** Dials a local (UNIX) stream socket. */
  connectLocal(path: string, handler: SocketHandler): Socket;
  /**
   * Listens on a local (UNIX) stream socket of mode 0600. A stale socket file is replaced, by one of those that find it
   * at the same moment; a live one is `in-use`;
   * `failed` is called when listening is not possible. `accept` returns the handler of the new socket, which is
   * connected already (`connected` is not called).
   */
  listenLocal(
    path: string,
    accept: (socket: Socket) => SocketHandler,
    failed: (error: HostError) => void,
  ): Listener;
  /**
   * Listens for TCP on an address of this machine, an IPv4 or IPv6 literal; `0.0.0.0` and `::` are all. `accept` and `failed` as with
   * `listenLocal`. Only a build with the gateway has it.
   */
  listenTcp?(
    address: string,
    port: number,
    accept: (socket: Socket) => SocketHandler,
    failed: (error: HostError) => void,
  ): Listener;
  /**
   * Sends messages to an IPv4 multicast group, by the interface that has the address `from`, and no further than its network (TTL 1).
   * `answered` is called for each datagram that comes back to the port from which they were sent, which is the kernel's choice, with the
   * IPv4 address and the port of its sender, until cancelled; longer ones than 4096 bytes are dropped. `failed` is called, once and never
   * from within this call, when they cannot be sent. Only a build with the gateway has it.
   */
  multicast?(
    from: string,
    group: string,
    port: number,
    messages: readonly Uint8Array[],
    answered: (bytes: Uint8Array, address: string, port: number) => void,
    failed: (error: HostError) => void,
  ): Cancellable;
  /**
   * Calls `changed` whenever an address or a default route of the machine has come or gone, or a link has gone up or
   * down, until cancelled. Renewals are no changes; a call too many is allowed. It costs nothing while nothing changes.
   * `failed` is called, once, when this machine cannot report changes.
   */
  onChange(changed: () => void, failed: (error: HostError) => void): Cancellable;
}

export interface Files {
  /** The whole file. Throws `not-found`, `permission` or `too-large` (more than `maxBytes`). */
  read(path: string, maxBytes: number): Uint8Array;
  /** Writes a file of mode 0600 so that a reader sees the old or the new content, never a part. */
  writeAtomically(path: string, bytes: Uint8Array): void;
  /** Appends all or, on a disk that is full, nothing to a file, which is created with mode 0600; returns its size after that. */
  append(path: string, bytes: Uint8Array): number;
  /** Renames a file; `to` is replaced. */
  rename(from: string, to: string): void;
  /** Removes a file; a missing one is no error. */
  remove(path: string): void;
  /** The names in a directory, without `.` and `..`, sorted by code unit. */
  list(path: string): readonly string[];
  /**
   * What `path` is, following links; `null` when there is nothing. `mode` holds the permission bits, `id` is
   * `<device>:<inode>`, both decimal. `writable`: this process may write it, and the file system is not read-only.
   */
  stat(path: string): {
    readonly kind: 'file' | 'directory' | 'other';
    readonly size: number;
    readonly mode: number;
    readonly id: string;
    readonly writable: boolean;
  } | null;
  /**
   * Where `path` of the root file system at `root` lies on this machine. All links are followed as if `root` was `/`, so
   * the result is in `root`; what is missing need not exist. Throws `other` for a loop of links, and for what is neither
   * a file nor a directory, as a device or a pipe.
   */
  pathIn(root: string, path: string): string;
  /**
   * Calls `changed` after names in a directory, or contents of its files, have changed, until cancelled; a call too many is
   * allowed. It costs nothing while nothing changes. `failed` is called, once, when the directory cannot be watched, and
   * never from within this call. Only a build with the gateway has it.
   */
  watch?(path: string, changed: () => void, failed: (error: HostError) => void): Cancellable;
}

export interface RunResult {
  /** Exit status; 128 + signal number when a signal ended it; `null` when it could not be started. */
  readonly status: number | null;
  /** Standard output, cut at the bound. */
  readonly output: Uint8Array;
  /** Standard error, cut at its bound. */
  readonly errorOutput: Uint8Array;
  readonly timedOut: boolean;
  readonly error: HostError | null;
}

export interface Processes {
  /**
   * Runs a program directly, never through a shell, in a process group of its own that is killed at the time limit.
   * Standard input is empty. Standard error is dropped unless `maxErrorBytes` is given. `environment` adds to the agent's
   * own.
   */
  run(
    command: readonly [string, ...string[]],
    options: {
      readonly timeoutMs: number;
      readonly maxOutputBytes: number;
      readonly maxErrorBytes?: number;
      readonly environment?: Readonly<Record<string, string>>;
    },
    done: (result: RunResult) => void,
  ): Cancellable;
}

export type SignalName = 'SIGHUP' | 'SIGINT' | 'SIGTERM' | 'SIGUSR1';

/** Severity as in syslog (RFC 5424 section 6.2.1): 3 error, 4 warning, 6 informational, 7 debug. */
export type Severity = 3 | 4 | 6 | 7;

export interface System {
  /** Command-line arguments without the program's own name. */
  readonly arguments: readonly string[];
  /** An environment variable, or undefined. */
  environment(name: string): string | undefined;
  hostName(): string;
  /**
   * 12 lower-case hexadecimal digits: the hardware address of eth0, as the original has it, else of the first network interface
   * that has one; zeros when there is none.
   */
  nodeId(): string;
  /** For `User-Agent`: `Linux/6.1.0; x86_64`. */
  platform(): string;
  /** What the program was built from, for `--version`: lines `NAME VALUE` for target, engine, TLS, features and commit. */
  readonly build: string;
  /** Replaces the default action of a signal. */
  onSignal(signal: SignalName, run: () => void): void;
  /**
   * Writes text to standard output (1), whole, even to a slow reader; or lines to standard error (2). When the reader of that takes
   * nothing for 2 s they are dropped, and it is told how many calls were lost as soon as it takes some again.
   */
  print(stream: 1 | 2, text: string): void;
  /** Sends one line to the system log, facility `daemon`, tag `rm-agent`. */
  syslog(severity: Severity, text: string): void;
  /**
   * Tells the service manager about the process, in the words of sd_notify(3), such as `READY=1`; nothing without
   * `NOTIFY_SOCKET`. It may be late or, if nobody listens, lost.
   */
  notify(state: string): void;
  /** Resident memory of the process in bytes, for `status`; 0 when unknown. */
  residentMemory(): number;
  /**
   * Bounds what the process may hold, in bytes. One more ends it with status 71 (EX_OSERR), and one line on standard error
   * and in the system log. A host whose engine bounds itself, as V8 does, leaves it to that.
   */
  limitMemory(bytes: number): void;
  /** Ends the process with this status once what was printed is written. */
  exit(status: number): void;
}
