/*
 * The port to everything that outlives the process. `docs/ports/store.md` has the rules that an adapter keeps;
 * `conformance/store.ts` tests them.
 *
 * A decision that needs several rows is one method, and an adapter makes it one transaction. No transaction spans two
 * methods: nothing is held open while a caller waits for something else.
 */

import type { TunnelEnd } from './tunnel-end.ts';

/** The store cannot be used; the message is one line for a person. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/**
 * It cannot be used just now and may work later: any method may reject with this, and then nothing was changed, or, when
 * the connection broke during the change, it is unknown whether it was. Users are told 503.
 */
export class StoreUnavailable extends StoreError {
  override readonly name = 'StoreUnavailable';
  /** Of the engine, such as `SQLITE_FULL`; for the log. */
  readonly code: string;
  /** For the log. */
  readonly reason: string;
  #isTold = false;

  /** `what`: what cannot be used. */
  constructor(code: string, reason: string, what = 'the data file') {
    super(`${what} cannot be used: ${reason}`);
    this.code = code;
    this.reason = reason;
  }

  /** It belongs to an outage of which the adapter has told. Without that, it speaks of this call alone. */
  told(): void {
    this.#isTold = true;
  }

  get isTold(): boolean {
    return this.#isTold;
  }
}

/** Whether the log has this failure already, so that whoever meets it says nothing. */
export function isTold(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.isTold;
}

/**
 * A text cannot be kept by this engine: PostgreSQL keeps no NUL. Any method that changes something may reject with this, and then
 * nothing was changed. Users are told 422.
 */
export class UnstorableText extends RangeError {
  override readonly name = 'UnstorableText';

  constructor() {
    super('a text with a NUL character cannot be kept');
  }
}

/** Most records that one call returns; a larger `limit` counts as this. */
export const pageLimit = 1_000;

/** An administrator sees every device; a user those of the domains granted. */
export type Role = 'administrator' | 'user';

/** An account as it was when something was decided about it. */
export interface Account {
  readonly name: string;
  /** Random: an account that is removed and added again is another one. */
  readonly uid: string;
  /** Made by `hashPassword`. */
  readonly password: string;
  /** Secret of one-time passwords (RFC 6238); `null` where none are asked for. */
  readonly totpSecret: Buffer | null;
}

export interface UserRecord extends Account {
  /** Wall-clock milliseconds. */
  readonly created: number;
  readonly role: Role;
  /** Domains whose devices a user sees, sorted; an administrator sees all without. */
  readonly domains: readonly string[];
}

/** What a device proves itself by. */
export interface DeviceSecrets {
  /** Made by `hashPassword`. */
  readonly password: string;
  /** H(user:realm:password) of Digest (RFC 7616), hexadecimal; `null` unless the device was added for Digest. */
  readonly digestSha256: string | null;
  readonly digestMd5: string | null;
}

/** Names one record: a device that is removed and added again is another one, and inherits nothing. */
export interface DeviceKey {
  readonly id: string;
  /** Random; no two records ever have the same. */
  readonly uid: string;
}

/** What decides whether a device is let in. Times are wall-clock milliseconds, `null` for never. */
export interface DeviceCredentials extends DeviceSecrets, DeviceKey {
  readonly domain: string;
  /** False while an unknown device waits for the operator. */
  readonly claimed: boolean;
  /** HMAC of a password that needs no scrypt (`devices/fingerprints.ts`). */
  readonly fingerprint: Buffer | null;
  /** Certificates issued at this time or later prove this device; `null`: it was not added for certificates. */
  readonly certificatesSince: number | null;
  /** Address of the last connection. */
  readonly address: string;
  /** The last refusal of somebody who claimed to be this device. */
  readonly refused: number | null;
}

export interface DeviceRecord extends DeviceCredentials {
  readonly created: number;
  /** Another device had this id before, or a port of one had its host `ID-PORT`. */
  readonly handedOver: boolean;
  readonly online: boolean;
  readonly properties: Readonly<Record<string, string>>;
  /** `User-Agent` of the last connection. */
  readonly agent: string;
  readonly connects: number;
  readonly lastConnect: number | null;
  /** When the last tunnel ended. */
  readonly lastSeen: number | null;
  /** Why it ended; `null`: it lasts, or nobody has seen its end. */
  readonly lastEnd: TunnelEnd | null;
  readonly bytesFrom: number;
  readonly bytesTo: number;
  /** When two devices with this identity were last seen evicting each other. */
  readonly duplicateNoticed: number | null;
  /** Why, and where from. */
  readonly refusedReason: string | null;
  readonly refusedAddress: string | null;
}

/** A record in one domain: it may be removed, or be in another, while somebody decides about it. */
export interface DeviceInDomain {
  readonly uid: string;
  readonly domain: string;
}

/** What a user's request needs to know of a claimed device. */
export interface DeviceIdentity extends DeviceKey {
  readonly domain: string;
  readonly handedOver: boolean;
}

export interface NewDevice {
  readonly id: string;
  readonly domain: string;
  readonly secrets: DeviceSecrets;
}

/**
 * Since when certificates prove a device: as in {@link DeviceCredentials}. `default` takes certificates of up to a day
 * before now, but none from before the id was last given up: that one is its former owner's.
 */
export type CertificatesSince = number | 'default' | null;

/** `own`: a browser on the reflector's own host; `device`: on the host of one device; `token`: a program's. */
export type SessionKind = 'own' | 'device' | 'token';

/** Times are wall-clock milliseconds. */
export interface SessionRecord {
  /** SHA-256 of the secret; the secret itself is nowhere. */
  readonly hash: Buffer;
  readonly kind: SessionKind;
  /** Name of the user. */
  readonly user: string;
  /** Of the stored password hash that the session was opened under. */
  readonly fingerprint: string;
  /** Of a device session. */
  readonly device: string | null;
  /** The session on the own host that a device session ends with. */
  readonly parent: Buffer | null;
  readonly created: number;
  readonly used: number;
  readonly expires: number;
  /** Where it was opened from, and by what. */
  readonly address: string;
  readonly agent: string;
}

export interface Users {
  get(name: string): Promise<UserRecord | null>;
  /** By name, those after `after`. */
  page(after: string, limit: number): Promise<UserRecord[]>;
  /** Whether there is none at all. */
  isEmpty(): Promise<boolean>;
  /** False when the name is taken. */
  add(name: string, password: string, now: number, role: Role): Promise<boolean>;
  /**
   * Ends all sessions and tokens of the user too. Returns the user as it is then; `null` when there is no such user, or,
   * with `former`, when another password hash, secret of one-time passwords or account has taken its place.
   */
  setPassword(name: string, password: string, former?: Account): Promise<UserRecord | null>;
  /** False when there is no such user. */
  promote(name: string): Promise<boolean>;
  /** `last`: it is the only administrator, and `force` was not given. Nothing is changed then. */
  demote(name: string, force: boolean): Promise<'done' | 'missing' | 'last'>;
  /** With everything that hangs on it: grants, sessions, tokens. `last`: as for {@link demote}. */
  remove(name: string, force: boolean): Promise<'done' | 'missing' | 'last'>;
  /** Lets a user see the devices of a domain; false when it was granted before, or there is no such user. */
  grant(name: string, domain: string): Promise<boolean>;
  /** False when it was not granted. */
  revoke(name: string, domain: string): Promise<boolean>;
  /**
   * From now on a log-in takes a one-time password, or one of the recovery codes with these hashes; what was opened
   * without ends. `step`: that of the code which proved the secret, so that it is used up. Returns the user as it is
   * then; `null` when the account is not what it was any more.
   */
  setTotp(
    account: Account,
    totp: { readonly secret: Buffer; readonly step: number; readonly recovery: readonly Buffer[] },
  ): Promise<UserRecord | null>;
  /** False when there is no such user, or none was asked for. */
  removeTotp(name: string): Promise<boolean>;
  /**
   * Uses up the codes of a step and of those before it. False when that had been done (somebody replays one), and when
   * the account is not what it was any more. Of several calls at once, one at most is true.
   */
  useTotpStep(account: Account, step: number): Promise<boolean>;
  /** Uses up a recovery code. False when there is none with this hash; otherwise as {@link useTotpStep}. */
  useRecoveryCode(account: Account, hash: Buffer): Promise<boolean>;
}

/** Which devices are meant: those of `domains` (`null`: all), and besides those with the IDs `devices` (none by default). */
export interface DeviceFilter {
  readonly domains: readonly string[] | null;
  readonly devices?: readonly string[];
  readonly claimed: boolean;
}

export interface Devices {
  get(id: string): Promise<DeviceRecord | null>;
  /** Without the cost of its properties: as quick for any device, and for none. */
  credentials(id: string): Promise<DeviceCredentials | null>;
  /** Of a claimed device, without the cost of its properties. */
  identity(id: string): Promise<DeviceIdentity | null>;
  /** By id, those after `after`. Properties are read only for what is returned. */
  page(filter: DeviceFilter, after: string, limit: number): Promise<DeviceRecord[]>;
  count(filter: DeviceFilter): Promise<number>;
  /**
   * `taken`: a claimed device has the id; an unclaimed one gives way. One whose id is `ID-PORT` of another device has that host from
   * now on: what was logged in there ends. The same goes for {@link claim}. `full`: its domain has `most` claimed devices already,
   * whoever has the id; calls at once do not exceed it.
   */
  add(
    device: NewDevice,
    now: number,
    certificatesSince: CertificatesSince,
    most?: number,
  ): Promise<'added' | 'taken' | 'full'>;
  /** All of them, or none when ids are taken: these are returned then. The rest is as for {@link add}. */
  addAll(
    devices: readonly NewDevice[],
    now: number,
    certificatesSince: CertificatesSince,
  ): Promise<readonly string[]>;
  /**
   * Another password, or certificates in place of any; false when no claimed device has this id, or, with `only`, when it is another
   * record or in another domain.
   */
  setSecrets(
    id: string,
    secrets: DeviceSecrets,
    now: number,
    certificatesSince: CertificatesSince,
    only?: DeviceInDomain,
  ): Promise<boolean>;
  /** `hash`: the password hash that it goes with; nothing happens when the device has another by now. */
  setFingerprint(id: string, hash: string, fingerprint: Buffer): Promise<void>;
  /** How many unknown devices are remembered: in all, and of one network. */
  countUnclaimed(network: string): Promise<{ readonly all: number; readonly ofNetwork: number }>;
  /**
   * Remembers an unknown device. False when the id is known, `all` devices wait already, or `ofNetwork` of its network
   * do: calls at once do not exceed either.
   */
  addUnclaimed(
    device: { readonly id: string; readonly domain: string; readonly password: string },
    from: { readonly address: string; readonly network: string },
    now: number,
    bounds: { readonly all: number; readonly ofNetwork: number },
  ): Promise<boolean>;
  /** False when no unclaimed device of this domain has this id. */
  claim(id: string, domain: string): Promise<boolean>;
  /** With the sessions of browsers on its hosts. False when there is no such device; `only` is as for {@link setSecrets}. */
  remove(id: string, now: number, only?: DeviceInDomain): Promise<boolean>;

  // What nobody waits for. A record that has another `uid` by now is left alone.
  noteConnected(
    device: DeviceKey,
    now: number,
    facts: {
      readonly address: string;
      readonly agent: string;
      readonly properties: Readonly<Record<string, string>>;
      /** Of the tunnel. A store that several processes share leaves alone what a tunnel of a higher one has noted. */
      readonly generation?: number;
    },
  ): Promise<void>;
  /** `generation`: as for {@link noteConnected}. */
  noteDisconnected(device: DeviceKey, now: number, end: TunnelEnd, generation?: number): Promise<void>;
  /** At the start of a reflector that is alone nothing is connected, whatever a crash has left behind. */
  noteAllOffline(): Promise<void>;
  setProperties(device: DeviceKey, properties: Readonly<Record<string, string>>): Promise<void>;
  addTraffic(device: DeviceKey, bytesFrom: number, bytesTo: number): Promise<void>;
  noteDuplicate(device: DeviceKey, now: number): Promise<void>;
  /** Notes the refusal of somebody who claimed to be this device. */
  noteRefused(
    device: DeviceKey,
    now: number,
    facts: { readonly reason: string; readonly address: string },
  ): Promise<void>;
}

/** Sessions of browsers, and of programs: a token is a session of kind `token`. */
export interface SessionRecords {
  get(hash: Buffer): Promise<SessionRecord | null>;
  /** Of one user, the last used first. */
  list(user: string, limit: number): Promise<SessionRecord[]>;
  /**
   * Makes room and adds one: of more than `perUser` of this kind and user, and of more than `total`, the least recently
   * used go. False when the parent is gone, or when `opener`, for whom it was decided, is not the account as it is now.
   */
  add(
    session: SessionRecord,
    opener: Account,
    bounds: { readonly perUser: number; readonly total: number },
  ): Promise<boolean>;
  /** Notes that a session, and its parent, were used. */
  touch(hash: Buffer, parent: Buffer | null, now: number): Promise<void>;
  /** With the device sessions that hang on it. False when there was none. */
  remove(hash: Buffer): Promise<boolean>;
  /** How many of this user there were. */
  removeAll(user: string): Promise<number>;
  /** What has expired by `now`, and what of browsers has not been used since `unusedSince`. */
  removeExpired(now: number, unusedSince: number): Promise<void>;
}

/** Small values by name: keys, and what the last start of a reflector has left for commands. */
export interface Settings {
  /** `null`: there is none. */
  get(name: string): Promise<Buffer | null>;
  /** `null` removes it. */
  set(name: string, value: Buffer | null): Promise<void>;
  /** The value that is there; else `value`, which is there from now on. Of several calls at once all return the same. */
  getOrAdd(name: string, value: Buffer): Promise<Buffer>;
}

/** One decision. */
export interface AuditEntry {
  /** Wall-clock milliseconds. */
  readonly time: number;
  readonly event: string;
  /** Names, also of what never existed; `null` where there is none. */
  readonly user: string | null;
  readonly device: string | null;
  /** The whole record, as JSON. */
  readonly record: string;
}

export interface StoredAuditEntry extends AuditEntry {
  /** Grows with each entry. */
  readonly sequence: number;
}

export interface AuditFilter {
  readonly user?: string;
  readonly device?: string;
  readonly event?: string;
  /** Wall-clock milliseconds: at this time or later, and before that one. */
  readonly since?: number;
  readonly until?: number;
}

export interface AuditEntries {
  append(entries: readonly AuditEntry[]): Promise<void>;
  /** In their order, those after the sequence number `after`. */
  page(filter: AuditFilter, after: number, limit: number): Promise<StoredAuditEntry[]>;
  /** Forgets what is from before this time. */
  removeBefore(time: number): Promise<void>;
}

/** Something was added, changed or removed that decides who may do what. */
export interface Change {
  /** `user`: password, role, grants, one-time passwords; `session`; `device`: all but what is noted of its connections. */
  readonly kind: 'user' | 'session' | 'device';
  /** Name of the user, hash of the session in hexadecimal, or id of the device. */
  readonly key: string;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Where to go on. */
  readonly position: number;
  /** False: what came after `after` is not known any more. The reader forgets all that it knows. */
  readonly complete: boolean;
}

/**
 * Every change by any process, in an order in which it can be read from a position. Read the position, then a record,
 * then all changes after that position: you know when the record is out of date.
 */
export interface ChangeFeed {
  /** The position after the last change. Never decreases, also over restarts. */
  position(): Promise<number>;
  /** At most `limit` changes after a position, the oldest first; empty: there are no more. */
  after(position: number, limit: number): Promise<ChangePage>;
  /**
   * `hint` is called when something may have changed: after each change by this object, before its promise resolves;
   * and whenever the adapter happens to learn of another's. A hint may be lost, and may be for nothing. `hint` is called
   * in the middle of the change, perhaps within its transaction: it only takes a note. It must not throw, which would undo
   * the change, and must not use the store. `change`: all that it may be about, where the adapter can tell; a change of the
   * `user` stands for all sessions of that user too. Without it, anything may have changed, and every request under way is
   * decided again. Returns what ends it.
   */
  onHint(hint: (change?: Change) => void): () => void;
}

export interface Store {
  readonly users: Users;
  readonly devices: Devices;
  readonly sessions: SessionRecords;
  readonly settings: Settings;
  readonly audit: AuditEntries;
  readonly changes: ChangeFeed;
  /**
   * How long users, sessions and devices that the reflector has in memory count while the store cannot be used, ms; for a store that
   * is away at times, such as during a failover. Meanwhile nobody learns of a change that somebody else makes in it. 0 by default.
   */
  readonly outageMs?: number;
  /** What strangers are told that it is, such as `the database`; `the data file` by default. */
  readonly called?: string;
  /** Rejects with {@link StoreError} when the store does not answer, or is not the one that was opened any more. */
  check(): Promise<void>;
  /** Everything that was acknowledged is kept. Idempotent. */
  close(): Promise<void>;
}
