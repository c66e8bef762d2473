import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Limits } from '../limits.ts';
import { type CastAbout, type CastSize, castEndBytes, hasCastEnd, readCastHeader } from './asciicast.ts';
import { Recording } from './recording.ts';
import { Refusals } from './refusals.ts';

/** Bounds of all recordings. */
export interface RecordingBounds {
  /** Bytes of one, and of all. */
  readonly sessionBytes: number;
  readonly bytes: number;
  /** For which one is kept. */
  readonly days: number;
}

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

/** Recordings in a folder, one file each. Those that have ended make room: the oldest of the user who has most. */
export class Recordings {
  readonly #folder: string;
  readonly #bounds: RecordingBounds;
  readonly #clock: { now(): number; date(): number };
  readonly #log: Pick<Logger, 'error'>;
  readonly #refusals: Refusals;
  /** By ID, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #ready: Promise<void> | null = null;

  constructor(
    folder: string,
    bounds: RecordingBounds,
    clock: { now(): number; date(): number },
    limits: Pick<Limits, 'recordingRefusalsMs'>,
    log: Pick<Logger, 'error'>,
  ) {
    this.#folder = folder;
    this.#bounds = bounds;
    this.#clock = clock;
    this.#log = log;
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
    if (!kept || kept.isOpen) return false;
    await this.#drop(kept);
    return true;
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

  async #takeRoom(kept: Kept, bytes: number): Promise<boolean> {
    while (this.#bytes + bytes > this.#bounds.bytes) {
      const first = this.#firstToGo();
      if (!first) return false;
      await this.#drop(first);
    }
    kept.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** The oldest of the user who has most of those that have ended, so that nobody pushes out those of others. */
  #firstToGo(): Kept | undefined {
    const ended = [...this.#kept.values()].filter(({ isOpen }) => !isOpen);
    const held = new Map<string, number>();
    for (const { about, bytes } of ended) held.set(about.user, (held.get(about.user) ?? 0) + bytes);
    const [most] = [...held].sort(([, one], [, other]) => other - one)[0] ?? [];
    return ended.find(({ about }) => about.user === most);
  }

  /** Rejects where the file cannot be removed: then it is kept, and counted. */
  async #drop(kept: Kept): Promise<void> {
    await rm(this.#fileOf(kept.id), { force: true });
    // Somebody else may have removed it meanwhile: nobody counts it twice.
    if (this.#kept.delete(kept.id)) this.#bytes -= kept.bytes;
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
    this.#bytes = 0;
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
      this.#kept.set(id, { id, ...header, started, bytes, isOpen: false, isCut: !hasCastEnd(tail) });
      this.#bytes += bytes;
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
