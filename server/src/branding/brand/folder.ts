import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { ConfigurationError, fileFault } from 'rm-reflector/program';
import type { Limits } from '../../limits.ts';

export type FolderLimits = Pick<Limits, 'brandFileBytes' | 'brandFiles' | 'brandBytes'>;

/**
 * The folder of a brand: reads what lies in it and nothing else. Every fault is a `ConfigurationError` that begins with the path
 * of the file. A link may lead to a file within the folder, as those of Kubernetes do.
 */
export class BrandFolder {
  readonly path: string;
  readonly #root: string;
  readonly #limits: FolderLimits;
  #files = 0;
  #bytes = 0;

  constructor(path: string, limits: FolderLimits) {
    this.path = path;
    this.#limits = limits;
    try {
      this.#root = realpathSync(path);
    } catch (error) {
      throw new ConfigurationError(`${path}: ${fileFault(error)}`);
    }
  }

  /** Names in a folder below it, without hidden ones; none where there is no such folder. */
  names(folder: string): string[] {
    const path = join(this.path, folder);
    try {
      this.#within(path);
      return readdirSync(path)
        .filter((name) => !name.startsWith('.'))
        .sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error instanceof ConfigurationError
        ? error
        : new ConfigurationError(`${path}: ${fileFault(error)}`);
    }
  }

  /** `null`: there is no such file. */
  text(name: string): string | null {
    const content = this.bytes(name);
    if (content === null) return null;
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(content);
    } catch {
      throw new ConfigurationError(`${join(this.path, name)}: is not UTF-8`);
    }
  }

  /** `null`: there is no such file. */
  bytes(name: string): Buffer | null {
    const path = join(this.path, name);
    const { brandFiles, brandFileBytes, brandBytes } = this.#limits;
    let file: number;
    try {
      // A pipe must not hold the server up.
      file = openSync(this.#within(path), constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error instanceof ConfigurationError
        ? error
        : new ConfigurationError(`${path}: ${fileFault(error)}`);
    }
    try {
      if (!fstatSync(file).isFile()) throw new ConfigurationError(`${path}: is not a file`);
      const buffer = Buffer.alloc(brandFileBytes + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        read = readSync(file, buffer, length, buffer.length - length, null);
      }
      if (length > brandFileBytes) {
        throw new ConfigurationError(`${path}: is longer than ${brandFileBytes} bytes`);
      }
      this.#files++;
      this.#bytes += length;
      if (this.#files > brandFiles) {
        throw new ConfigurationError(`${path}: is one of more than ${brandFiles} files of the branding`);
      }
      if (this.#bytes > brandBytes) {
        throw new ConfigurationError(`${path}: with it, the branding is larger than ${brandBytes} bytes`);
      }
      return Buffer.from(buffer.subarray(0, length));
    } finally {
      closeSync(file);
    }
  }

  /** The real path. Throws when it is outside of the folder. */
  #within(path: string): string {
    const real = realpathSync(path);
    const from = relative(this.#root, real);
    if (from === '..' || from.startsWith(`..${sep}`) || from.startsWith(sep)) {
      throw new ConfigurationError(`${path}: is outside of the folder ${this.path}`);
    }
    return real;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
