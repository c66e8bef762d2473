import { type FileHandle, open } from 'node:fs/promises';
import { NotRecorded } from '../ssh-at-server/terminal-recorder.ts';
import { type CastAbout, CastLines, type CastSize } from './asciicast.ts';
import type { Full } from './room.ts';

/** Bytes that are added to the file; or which bound leaves no room for them. */
export type TakeRoom = (bytes: number) => Promise<Full | null>;

/** Says why this one does not go on: `reason` to the user, and `cause` in the log. */
export type Refuse = (reason: string, cause?: unknown) => NotRecorded;

/** For the user, 123 bytes at most: they close a WebSocket. */
const reasons: Readonly<Record<Full, string>> = {
  user: 'the latest recordings of your terminals take all the room that a user has: try again tomorrow',
  device:
    'the latest recordings of your terminals at this device take all the room that one has: try again tomorrow',
  domain: 'the latest recordings of this domain take all the room that a domain has: try again tomorrow',
  all: 'the server has no room for the recording of this terminal',
};

const unwritable = 'the recording of this terminal cannot be written';

export interface RecordingOptions {
  /** Path of the file, which does not exist yet. */
  readonly file: string;
  readonly about: CastAbout;
  readonly size: CastSize;
  /** Bytes of the file. */
  readonly maxBytes: number;
  readonly takeRoom: TakeRoom;
  readonly refuse: Refuse;
  /** Monotonic ms, and wall-clock ms. */
  readonly clock: { now(): number; date(): number };
}

/** A terminal that is being recorded: what it shows is in the file before the user sees it. */
export class Recording {
  readonly #file: FileHandle;
  readonly #options: RecordingOptions;
  readonly #lines = new CastLines();
  readonly #began: number;
  #bytes = 0;
  #isOver = false;
  /** One line after the other. Rejected for good when one could not be written. */
  #written: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, options: RecordingOptions) {
    this.#file = file;
    this.#options = options;
    this.#began = options.clock.now();
  }

  /** Rejects with {@link NotRecorded}. The file is the server's alone. */
  static async begin(options: RecordingOptions): Promise<Recording> {
    const file = await open(options.file, 'wx', 0o600).catch((error) => {
      throw options.refuse(unwritable, error);
    });
    const recording = new Recording(file, options);
    const { about, size, clock } = options;
    try {
      await recording.#write(recording.#lines.header(about, size, clock.date()));
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    return recording;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when it is in the file. Rejects with {@link NotRecorded}: then nobody is to see it. */
  output(bytes: Uint8Array): Promise<void> {
    return this.#write(this.#lines.output(bytes, this.#ms()));
  }

  resize(size: CastSize): Promise<void> {
    return this.#write(this.#lines.size(size, this.#ms()));
  }

  /** What is written stays, whatever fails here. False: it lacks something, and has no marker of its end. */
  async end(): Promise<boolean> {
    const rest = this.#write(this.#lines.rest(this.#ms()));
    this.#isOver = true;
    try {
      await rest;
      const marker = Buffer.from(this.#lines.end(this.#ms()));
      // Beyond the bounds, too: without it, what lacks nothing would count as cut.
      await this.#file.appendFile(marker);
      this.#bytes += marker.length;
      return true;
    } catch (error) {
      // Why it was refused is in the log already.
      if (!(error instanceof NotRecorded)) this.#options.refuse(unwritable, error);
      return false;
    } finally {
      await this.#file.close().catch(() => {});
    }
  }

  #ms(): number {
    return this.#options.clock.now() - this.#began;
  }

  #write(line: string): Promise<void> {
    if (this.#isOver) return Promise.reject(new NotRecorded('the recording of this terminal has ended'));
    this.#written = this.#written.then(() => this.#append(line));
    return this.#written;
  }

  async #append(line: string): Promise<void> {
    if (line === '') return;
    const { maxBytes, takeRoom, refuse } = this.#options;
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > maxBytes) {
      throw refuse('the recording of this terminal has become as long as the server keeps one');
    }
    const full = await takeRoom(bytes.length).catch((error) => {
      throw refuse(reasons.all, error);
    });
    if (full) throw refuse(reasons[full]);
    try {
      await this.#file.appendFile(bytes);
    } catch (error) {
      throw refuse(unwritable, error);
    }
    this.#bytes += bytes.length;
  }
}
