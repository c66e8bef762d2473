import { randomBytes, randomUUID } from 'node:crypto';
import type { Settings } from './ports/store.ts';

/**
 * What an installation keeps about itself in the settings of its store: keys that are made once, and what the last start of
 * a reflector has left for commands.
 */
export class Installation {
  readonly #settings: Settings;

  constructor({ settings }: { readonly settings: Settings }) {
    this.#settings = settings;
  }

  /** Signs tokens. */
  tokenKey(): Promise<Buffer> {
    return this.#settings.getOrAdd('token_key', randomBytes(32));
  }

  /** Of the fingerprints of devices' passwords. */
  fingerprintKey(): Promise<Buffer> {
    return this.#settings.getOrAdd('fingerprint_key', randomBytes(32));
  }

  /** The domain that devices are added to unless the operator names another: a UUID. */
  async domain(): Promise<string> {
    return (await this.#settings.getOrAdd('domain', Buffer.from(randomUUID()))).toString();
  }

  /** The URL of the reflector for agents; `null`: none was started yet. */
  url(): Promise<string | null> {
    return this.#text('url');
  }

  setUrl(url: string): Promise<void> {
    return this.#setText('url', url);
  }

  /** The label that the `--cookie-host` of the reflector takes from devices; `null`: none. */
  takenLabel(): Promise<string | null> {
    return this.#text('taken_label');
  }

  setTakenLabel(label: string | null): Promise<void> {
    return this.#setText('taken_label', label);
  }

  /**
   * The audit file of the reflector; `null`: it has none. `of`: the data file that it is of, when that is not `dataFile`,
   * which then is a copy, or was moved.
   */
  async auditFile(
    dataFile: string | null,
  ): Promise<{ readonly path: string; readonly of: string | null } | null> {
    const path = await this.#text('audit_file');
    if (path === null) return null;
    const of = await this.#text('audit_of');
    return { path, of: of === dataFile ? null : of };
  }

  /** `path`: absolute, or `null`. `dataFile`: as for {@link auditFile}; `null`: in memory. */
  async setAuditFile(path: string | null, dataFile: string | null): Promise<void> {
    await this.#setText('audit_file', path);
    await this.#setText('audit_of', dataFile);
  }

  /** An empty one was written by earlier versions for none. */
  async #text(name: string): Promise<string | null> {
    return (await this.#settings.get(name))?.toString() || null;
  }

  #setText(name: string, text: string | null): Promise<void> {
    return this.#settings.set(name, text === null ? null : Buffer.from(text));
  }
}
