import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import type { Clock } from 'rm-protocol';
import { fileFault } from '../file-fault.ts';
import type { Limits } from '../limits.ts';
import { asOwnerOf } from '../store/as-owner.ts';

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR } = constants;
const lineFeed = 0x0a;

/** The audit file cannot be used; the message is one line for a person. */
export class AuditFileError extends Error {
  override readonly name = 'AuditFileError';
}

/** Where lines of the audit log go. */
export interface AuditSink {
  /** One line with its end. Throws when it cannot be kept. */
  write(line: string): void;
  /** Until the next `write`. */
  close(): void;
}

/**
 * A file of mode 0600 that is renamed to `FILE.1` (that to `FILE.2`, and so on) before it would be longer than
 * `limits.auditFileBytes`; of the old ones `limits.auditFiles` stay, and those that are newer than `keepMs`. A line is in the file when `write` returns, so
 * that the end of the process loses none; records are rare enough for that (see `Audit`).
 */
export class AuditFile implements AuditSink {
  readonly #path: string;
  readonly #limits: Pick<Limits, 'auditFileBytes' | 'auditFiles'>;
  readonly #clock: Pick<Clock, 'date'>;
  readonly #keepMs: number;
  #descriptor: number | null = null;
  #size = 0;

  /**
   * `keepMs`: what is newer is not removed, whatever its size. Root makes and renames the file with the rights of whoever
   * owns the folder, like the data file. Throws {@link AuditFileError}.
   */
  constructor(
    path: string,
    limits: Pick<Limits, 'auditFileBytes' | 'auditFiles'>,
    clock: Pick<Clock, 'date'>,
    keepMs = 0,
  ) {
    this.#path = path;
    this.#limits = limits;
    this.#clock = clock;
    this.#keepMs = keepMs;
    try {
      this.#open();
    } catch (error) {
      throw new AuditFileError(`${path}: ${fileFault(error)}`);
    }
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#size > 0 && this.#size + bytes.length > this.#limits.auditFileBytes) this.#rotate();
    const descriptor = this.#descriptor ?? this.#open();
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    } finally {
      this.#size += written;
      // The disk was full in the middle of a line: the next one must not continue it.
      if (written > 0 && written < bytes.length) this.close();
    }
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): number {
    return asOwnerOf(this.#path, () => this.#openHere());
  }

  #openHere(): number {
    // Opening a pipe would wait for its reader.
    const descriptor = openSync(this.#path, O_APPEND | O_CREAT | O_RDWR | O_NONBLOCK, 0o600);
    try {
      const status = fstatSync(descriptor);
      if (!status.isFile()) throw new Error('must be a regular file');
      fchmodSync(descriptor, 0o600);
      this.#size = status.size;
      const last = Buffer.alloc(1);
      if (this.#size > 0) readSync(descriptor, last, 0, 1, this.#size - 1);
      if (this.#size > 0 && last[0] !== lineFeed) this.#size += writeSync(descriptor, '\n');
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#descriptor = descriptor;
    return descriptor;
  }

  #rotate(): void {
    this.close();
    asOwnerOf(this.#path, () => this.#renameAll());
    this.#open();
  }

  #renameAll(): void {
    let count = 0;
    while (existsSync(`${this.#path}.${count + 1}`)) count++;
    // The oldest first: what is newer than one that stays, stays as well.
    while (count >= this.#limits.auditFiles && this.#isOld(`${this.#path}.${count}`)) {
      rmSync(`${this.#path}.${count}`);
      count--;
    }
    for (let i = count; i >= 0; i--) {
      const from = i === 0 ? this.#path : `${this.#path}.${i}`;
      if (existsSync(from)) renameSync(from, `${this.#path}.${i + 1}`);
    }
  }

  #isOld(path: string): boolean {
    return this.#keepMs === 0 || this.#clock.date() - statSync(path).mtimeMs > this.#keepMs;
  }
}
