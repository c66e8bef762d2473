import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';

/** A token of `rm-client login`. */
export interface Login {
  readonly user: string;
  readonly token: string;
  /** Epoch seconds. */
  readonly expires: number;
  /** Absolute path of the trusted certificates at the log-in; `null`: those of the system. */
  readonly ca: string | null;
}

interface Content {
  /** The reflector of the last log-in. */
  readonly reflector: string;
  /** By the URL of the reflector. */
  readonly logins: Readonly<Record<string, Login>>;
}

const empty: Content = { reflector: '', logins: {} };

/** Path of the file of log-ins (XDG Base Directory Specification). */
export function loginFilePath(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment.XDG_CONFIG_HOME || join(homedir(), '.config');
  return join(base, 'rm-client', 'login.json');
}

/** The user's tokens, one for each reflector, in a file that only the user can read. Methods throw {@link Failure}. */
export class LoginFile {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #hasModes: boolean;

  /**
   * `hasModes`: false on Windows, where the mode of a file does not say who may read it. Node reports 0666 for every
   * writable file there, and the access list of the user's profile keeps others out.
   */
  constructor(path: string, maxBytes: number, hasModes: boolean = process.platform !== 'win32') {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#hasModes = hasModes;
  }

  /** URL of the reflector of the last log-in, or `null`. */
  get reflector(): string | null {
    return this.#read().reflector || null;
  }

  get(reflector: string): Login | null {
    const { logins } = this.#read();
    return Object.hasOwn(logins, reflector) ? (logins[reflector] ?? null) : null;
  }

  save(reflector: string, login: Login): void {
    const { logins } = this.#read();
    this.#write({ reflector, logins: { ...logins, [reflector]: login } });
  }

  /** Returns false if there was none. Removes the file with the last one. */
  remove(reflector: string): boolean {
    const { reflector: last, logins } = this.#read();
    if (!Object.hasOwn(logins, reflector)) return false;
    const { [reflector]: _, ...others } = logins;
    const [next] = Object.keys(others);
    try {
      if (next === undefined) rmSync(this.path, { force: true });
      else this.#write({ reflector: last === reflector ? next : last, logins: others });
    } catch (error) {
      throw this.#failure(error);
    }
    return true;
  }

  #read(): Content {
    let text: string;
    try {
      const file = openSync(this.path, 'r');
      try {
        const { mode, size } = fstatSync(file);
        if (this.#hasModes && mode & 0o077) {
          const octal = (mode & 0o777).toString(8).padStart(4, '0');
          throw new Error(`others may read it (mode ${octal}): chmod 600 it, and log in again`);
        }
        if (size > this.#maxBytes) throw new Error(`more than ${this.#maxBytes} bytes`);
        text = readFileSync(file, 'utf8');
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return empty;
      throw this.#failure(error);
    }
    try {
      const value: unknown = JSON.parse(text);
      if (isContent(value)) return value;
    } catch {
      // Reported below.
    }
    throw this.#failure(new Error('not a file of rm-client: remove it, and log in again'));
  }

  /** Atomic: a reader sees the old or the new content. Others can never read the file. */
  #write(content: Content): void {
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}`;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      const file = openSync(temporary, 'wx', 0o600);
      try {
        writeSync(file, `${JSON.stringify(content, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Failure {
    return error instanceof Failure
      ? error
      : new Failure(`${this.path}: ${reasonOf(error)}`, ExitStatus.configuration);
  }
}

function isContent(value: unknown): value is Content {
  if (typeof value !== 'object' || value === null) return false;
  const { reflector, logins } = value as Partial<Content>;
  return (
    typeof reflector === 'string' &&
    typeof logins === 'object' &&
    logins !== null &&
    Object.values(logins).every(
      (login: Partial<Login> | null) =>
        typeof login?.user === 'string' &&
        typeof login.token === 'string' &&
        /^[\x21-\x7e]+$/.test(login.token) &&
        typeof login.expires === 'number' &&
        (login.ca === null || typeof login.ca === 'string'),
    )
  );
}
