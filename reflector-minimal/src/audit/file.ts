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

/** The audit file cannot be used. The message is one line. */
export class AuditFileError extends Error {
  override readonly name = 'AuditFileError';
}

/** The destination of the audit log. */
export interface AuditSink {
  /** Writes a line, which includes its line feed. Throws if that fails. */
  write(line: string): void;
  /** The next `write` opens it again. */
  close(): void;
}

/**
 * A file of mode 0600. Before it exceeds `limits.auditFileBytes`, it is renamed to `FILE.1`, that to `FILE.2` and so on.
 * `limits.auditFiles` old ones are kept, and all that are newer than `keepMs`. Lines are written synchronously, so that
 * none is lost when the process ends; `Audit` keeps them rare.
 */
export class AuditFile implements AuditSink {
  readonly #path: string;
  readonly #limits: Pick<Limits, 'auditFileBytes' | 'auditFiles'>;
  readonly #clock: Pick<Clock, 'date'>;
  readonly #keepMs: number;
  #descriptor: number | null = null;
  #size = 0;

  /**
   * `keepMs`: newer files are kept, whatever their size. As root, creates and renames the file with the rights of the
   * folder's owner. Throws {@link AuditFileError}.
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
      // The disk was full in the middle of a line: reopening ends that line.
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
    // O_NONBLOCK: opening a pipe would wait for its reader.
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
    // The oldest first. Files newer than one that is kept are kept as well.
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
