import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Limits } from '../limits.ts';
import { type CastAbout, type CastSize, castEndBytes, hasCastEnd, readCastHeader } from './asciicast.ts';
import { Recording } from './recording.ts';
import { Refusals } from './refusals.ts';
import { type Full, Room } from './room.ts';

/** Bounds of all recordings. */
export interface RecordingBounds {
  /** Bytes of one, and of all. */
  readonly sessionBytes: number;
  readonly bytes: number;
  /** For which one is kept. */
  readonly days: number;
}

type RecordingLimits = Pick<
  Limits,
  | 'recordingRefusalsMs'
  | 'recordingsUserShare'
  | 'recordingsDomainShare'
  | 'recordingsDeviceShare'
  | 'recordingHeldMs'
  | 'recordingLeastBytes'
  | 'recordings'
>;

/** A recording that is kept. */
export interface KeptRecording {
  readonly id: string;
  readonly about: CastAbout;
  /** Wall-clock ms. */
  readonly started: number;
  /** Of the file; it grows while the terminal is open. */
  readonly bytes: number;
  readonly isOpen: boolean;
  /** It lacks its end: the server was stopped, or could not keep more. */
  readonly isCut: boolean;
}

/** A recording that was removed. */
type Gone = Pick<KeptRecording, 'id' | 'about' | 'started'>;

interface Kept extends Omit<KeptRecording, 'bytes' | 'isOpen' | 'isCut'> {
  bytes: number;
  isOpen: boolean;
  isCut: boolean;
}

/** Longest first line: names of a user, a device and a domain, of 254 characters each at most. */
const headerBytes = 8_192;
/** Failures that say nothing of the file: it is read once there is something again. */
const passing: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

const dayMs = 86_400_000;
const name = /^(\d{13}-[0-9a-f]{16})\.cast$/;

/** Recordings in a folder, one file each. Which of them makes room for others, {@link Room} says. */
export class Recordings {
  readonly #folder: string;
  readonly #bounds: RecordingBounds;
  readonly #clock: { now(): number; date(): number };
  readonly #log: Pick<Logger, 'info' | 'error'>;
  readonly #refusals: Refusals;
  readonly #madeRoom: (gone: Gone) => void;
  /** By ID, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #room: Room<Kept>;
  #ready: Promise<void> | null = null;

  /** `madeRoom`: told of each that has gone so that another one has room. */
  constructor(
    folder: string,
    bounds: RecordingBounds,
    clock: { now(): number; date(): number },
    limits: RecordingLimits,
    log: Pick<Logger, 'info' | 'error'>,
    madeRoom: (gone: Gone) => void,
  ) {
    this.#folder = folder;
    this.#bounds = bounds;
    this.#clock = clock;
    this.#log = log;
    this.#madeRoom = madeRoom;
    this.#room = new Room(
      {
        bytes: bounds.bytes,
        userShare: limits.recordingsUserShare,
        domainShare: limits.recordingsDomainShare,
        deviceShare: limits.recordingsDeviceShare,
        heldMs: limits.recordingHeldMs,
        // Whole, so that sums come back to nothing.
        leastBytes: Math.max(limits.recordingLeastBytes, Math.ceil(bounds.bytes / limits.recordings)),
      },
      clock,
    );
    this.#refusals = new Refusals(log, clock, limits.recordingRefusalsMs);
  }

  /** Whatever is kept now, the latest first. */
  async list(): Promise<KeptRecording[]> {
    await this.#opened();
    return [...this.#kept.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  }

  async get(id: string): Promise<KeptRecording | null> {
    await this.#opened();
    return this.#kept.get(id) ?? null;
  }

  /** The file as it is now, in pieces. Ask only for what {@link get} has. */
  async *read(id: string): AsyncIterable<Uint8Array> {
    const kept = this.#kept.get(id);
    if (!kept) throw new Error('there is no such recording');
    // What is written meanwhile may end in the middle of a line.
    yield* createReadStream(this.#fileOf(id), { start: 0, end: Math.max(0, kept.bytes - 1) });
  }

  /** False: there is none, or its terminal is open. */
  async remove(id: string): Promise<boolean> {
    await this.#opened();
    const kept = this.#kept.get(id);
    return kept !== undefined && !kept.isOpen && this.#drop(kept);
  }

  /** Rejects with {@link NotRecorded}. */
  async begin(about: CastAbout, size: CastSize): Promise<{ recording: Recording; end(): Promise<void> }> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await this.#opened();
    } catch (error) {
      throw this.#refusals.refuse('the folder of the recordings cannot be used', about, this.#folder, error);
    }
    const started = this.#clock.date();
    const id = `${String(started).padStart(13, '0')}-${randomBytes(8).toString('hex')}`;
    const kept: Kept = { id, about, started, bytes: 0, isOpen: true, isCut: false };
    this.#kept.set(id, kept);
    this.#room.add(kept);
    try {
      const recording = await Recording.begin({
        file: this.#fileOf(id),
        about,
        size,
        maxBytes: this.#bounds.sessionBytes,
        clock: this.#clock,
        takeRoom: (bytes) => this.#takeRoom(kept, bytes),
        refuse: (reason, cause) => this.#refusals.refuse(reason, about, this.#fileOf(id), cause),
      });
      const end = async () => {
        kept.isCut = !(await recording.end());
        this.#room.resize(kept, recording.bytes);
        kept.isOpen = false;
      };
      return { recording, end };
    } catch (error) {
      kept.isOpen = false;
      await this.#drop(kept);
      throw error;
    }
  }

  /** Removes those that have been kept for long enough. Rejects where one of them cannot be removed; the others are. */
  async sweep(): Promise<void> {
    await this.#opened();
    const before = this.#clock.date() - this.#bounds.days * dayMs;
    const failures: unknown[] = [];
    for (const kept of [...this.#kept.values()]) {
      if (kept.isOpen || kept.started >= before) continue;
      await this.#drop(kept).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  async #takeRoom(kept: Kept, bytes: number): Promise<Full | null> {
    for (;;) {
      const inTheWay = this.#room.inTheWay(kept, kept.bytes + bytes);
      if (typeof inTheWay === 'string') return inTheWay;
      if (inTheWay === null) break;
      if (!(await this.#drop(inTheWay))) continue;
      const { about, id, started } = inTheWay;
      const facts = {
        id,
        user: about.user,
        device: about.device,
        started: new Date(started),
        of: kept.about.user,
      };
      this.#log.info(facts, 'a recording of a terminal has made room for another one');
      this.#madeRoom(inTheWay);
    }
    this.#room.resize(kept, kept.bytes + bytes);
    return null;
  }

  /** False: somebody else has removed it meanwhile. Rejects where the file cannot be removed: then it is kept, and counted. */
  async #drop(kept: Kept): Promise<boolean> {
    await rm(this.#fileOf(kept.id), { force: true });
    if (!this.#kept.delete(kept.id)) return false;
    this.#room.remove(kept);
    return true;
  }

  #opened(): Promise<void> {
    this.#ready ??= this.#open().catch((error) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #open(): Promise<void> {
    this.#kept.clear();
    this.#room.clear();
    const unread: { readonly file: string; readonly err: unknown }[] = [];
    for (const file of (await this.#files()).sort()) {
      const id = name.exec(file)?.[1];
      if (id === undefined) continue;
      const path = join(this.#folder, file);
      const edges = await edgesOf(path).catch((err: NodeJS.ErrnoException) => {
        if (passing.has(err.code)) throw err;
        unread.push({ file: path, err });
      });
      if (!edges) continue;
      const { first, tail, bytes } = edges;
      const header = readCastHeader(first);
      if (!header) continue;
      // The header has whole seconds: one that began with its domain must not look older.
      const started = Number(id.slice(0, 13));
      const kept: Kept = { id, ...header, started, bytes, isOpen: false, isCut: !hasCastEnd(tail) };
      this.#kept.set(id, kept);
      this.#room.add(kept);
    }
    if (unread.length > 0) {
      const message = 'recordings of terminals cannot be read, and are left out';
      this.#log.error({ ...unread[0], entries: unread.length }, message);
    }
  }

  /** None where nothing was recorded yet. */
  async #files(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #fileOf(id: string): string {
    return join(this.#folder, `${id}.cast`);
  }
}

/** The first line of a file, its last bytes, and how many it has. Rejects for what is no file, without waiting for whoever writes to a pipe. */
async function edgesOf(path: string): Promise<{ first: string; tail: string; bytes: number }> {
  if (!(await lstat(path)).isFile()) throw new Error('is no file');
  const file = await open(path, 'r');
  const text = async (length: number, at: number) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    return buffer.toString('utf8', 0, bytesRead);
  };
  try {
    const { size } = await file.stat();
    const [first = ''] = (await text(headerBytes, 0)).split('\n', 1);
    return { first, tail: await text(castEndBytes, Math.max(0, size - castEndBytes)), bytes: size };
  } finally {
    await file.close();
  }
}
