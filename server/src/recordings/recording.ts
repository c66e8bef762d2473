import { type FileHandle, open } from 'node:fs/promises';
import { NotRecorded } from '../ssh-at-server/terminal-recorder.ts';
import { type CastAbout, CastLines, type CastSize } from './asciicast.ts';

/** Bytes that may be added to all recordings; false: there is no room for them. */
export type TakeRoom = (bytes: number) => Promise<boolean>;

export interface RecordingOptions {
  /** Path of the file, which does not exist yet. */
  readonly file: string;
  readonly about: CastAbout;
  readonly size: CastSize;
  /** Bytes of the file. */
  readonly maxBytes: number;
  readonly takeRoom: TakeRoom;
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
    const file = await open(options.file, 'wx', 0o600).catch(() => {
      throw new NotRecorded('the recording of this terminal cannot be written');
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
      await this.#options.takeRoom(marker.length);
      await this.#file.appendFile(marker);
      this.#bytes += marker.length;
      return true;
    } catch {
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
    const { maxBytes, takeRoom } = this.#options;
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > maxBytes) {
      throw new NotRecorded('the recording of this terminal has become as long as the server keeps one');
    }
    if (!(await takeRoom(bytes.length).catch(() => false))) {
      throw new NotRecorded('the server has no room for the recording of this terminal');
    }
    try {
      await this.#file.appendFile(bytes);
    } catch {
      throw new NotRecorded('the recording of this terminal cannot be written');
    }
    this.#bytes += bytes.length;
  }
}
