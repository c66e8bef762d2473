import { signal } from '@preact/signals';
import type { TerminalSsh } from '../../../src/ssh/session.ts';
import { SshFailure } from '../../../src/ssh/session.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { type Kind, kindOf } from '../sftp/attributes.ts';
import { download } from '../sftp/download.ts';
import { SftpFailure } from '../sftp/failure.ts';
import { isFileName, join, parentOf, shown } from '../sftp/names.ts';
import type { Listing } from '../sftp/session.ts';
import { SftpSession } from '../sftp/session.ts';
import { upload } from '../sftp/upload.ts';
import { locale, t } from '../texts/language.ts';
import { openSaving } from './saving.ts';
import type { Transfers } from './transfers.ts';

/** A file of the folder that is shown. */
export interface Row {
  readonly name: string;
  readonly shown: string;
  readonly kind: Kind;
  readonly size: number | undefined;
  readonly modified: number | undefined;
}

/** The folder that is shown. */
export interface Folder {
  readonly path: string;
  readonly rows: readonly Row[];
  readonly isWhole: boolean;
  readonly refused: number;
}

export function sayFailure(error: unknown): string {
  if (error instanceof SftpFailure) return t(error.key, error.values);
  if (error instanceof SshFailure) return t(error.key === 'ssh.noFilesAtServer' ? error.key : 'sftp.none');
  // What browsers say of a file of the reader that has changed, or cannot be read.
  if (error instanceof DOMException) return t('files.unreadable');
  return t('sftp.ended');
}

/** The files of a device, on a channel of its own beside the shell. */
export class FilesSession {
  /** `null`: not there yet. */
  readonly folder = signal<Folder | null>(null);
  /** What was said last; empty: nothing. */
  readonly said = signal('');
  /** Why it is over; `null`: it is not. */
  readonly over = signal<string | null>(null);
  readonly isBusy = signal(true);
  readonly transfers: Transfers;
  readonly #bridge: Bridge;
  #sftp: SftpSession | null = null;
  #closed = false;
  /** Of the listing that is wanted: an older one comes too late. */
  #listing = new AbortController();

  /** `transfers`: of this session, and those that are over of others. */
  constructor(bridge: Bridge, transfers: Transfers) {
    this.#bridge = bridge;
    this.transfers = transfers;
  }

  async open(connection: TerminalSsh): Promise<void> {
    try {
      const sftp = await SftpSession.open((take) => connection.subsystem('sftp', take));
      if (this.#closed) return sftp.close();
      this.#sftp = sftp;
      sftp.ended
        .then((failure) => {
          if (!this.#closed) this.over.value = sayFailure(failure);
        })
        .catch(() => {});
      await this.go('.');
    } catch (error) {
      if (!this.#closed) this.over.value = sayFailure(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#listing.abort();
    const sftp = this.#sftp;
    // What was begun is removed on the device before.
    const over = Promise.race([this.transfers.cancelAll(), sftp?.ended]);
    over.then(() => sftp?.close()).catch(() => {});
  }

  /** Shows another folder. `path`: absolute, or from the home folder of the user. */
  async go(path: string): Promise<void> {
    await this.#show(async (sftp) => sftp.realPath(path));
  }

  async up(): Promise<void> {
    const { folder } = this;
    if (folder.value) await this.go(parentOf(folder.value.path));
  }

  async refresh(): Promise<void> {
    const { value } = this.folder;
    if (value) await this.#show(async () => value.path);
  }

  /** After an upload: what was said before is still to be read. */
  async #refreshQuietly(): Promise<void> {
    const { value: said } = this.said;
    await this.refresh();
    this.said.value ||= said;
  }

  /** Opens a folder, or downloads a file. Of a link, what it leads to. */
  async enter({ name, kind, size }: Row): Promise<void> {
    const { value } = this.folder;
    if (!value) return;
    const path = join(value.path, name);
    if (kind === 'folder') return this.go(path);
    try {
      const target = kind === 'link' ? await this.#sftp?.stat(path) : undefined;
      if (target && kindOf(target) === 'folder') return await this.go(path);
      await this.#download(path, name, target ? target.size : size);
    } catch (error) {
      this.said.value = sayFailure(error);
    }
  }

  /** Into the folder that is shown now. */
  upload(files: readonly File[]): void {
    const { value } = this.folder;
    if (!value) {
      const names = files.map(({ name }) => shown(name)).join(', ');
      if (files.length > 0) this.said.value = t('files.tooEarly', { n: files.length, names });
      return;
    }
    this.said.value = '';
    const left: string[] = [];
    for (const file of files) {
      const isName = isFileName(file.name);
      if (isName && this.transfers.hasRoom) {
        this.#upload(value.path, file);
        continue;
      }
      left.push(shown(file.name));
      this.said.value = isName ? t('files.tooMany') : t('files.badName', { name: shown(file.name) });
    }
    if (left.length > 0)
      this.said.value += ` ${t('files.notBegun', { n: left.length, names: left.join(', ') })}`;
  }

  async #download(path: string, name: string, size: number | undefined): Promise<void> {
    const sftp = this.#sftp;
    if (!sftp) return;
    if (!this.transfers.hasRoom) {
      this.said.value = t('files.tooMany');
      return;
    }
    const saving = await openSaving(this.#bridge, name, size);
    if (!saving) return;
    await this.transfers.add('down', shown(name), async (moved, stop) => {
      try {
        stop.throwIfAborted();
        const bytes = await download(sftp, path, saving, moved, stop);
        return { bytes, isHandedOver: (await saving.finish()) === 'handedOver' };
      } catch (error) {
        saving.drop();
        throw error;
      }
    });
  }

  #upload(folder: string, file: File): void {
    const sftp = this.#sftp;
    if (!sftp) return;
    const source = {
      size: file.size,
      read: async (offset: number, length: number) =>
        new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
    };
    this.transfers
      .add('up', shown(file.name), async (moved, stop, ask) => {
        stop.throwIfAborted();
        const isThere = await upload(sftp, join(folder, file.name), source, ask, moved, stop);
        return isThere ? { bytes: file.size } : null;
      })
      .then(() => {
        if (!this.#closed && this.folder.value?.path === folder) return this.#refreshQuietly();
        return undefined;
      })
      .catch(() => {});
  }

  async #show(find: (sftp: SftpSession) => Promise<string>): Promise<void> {
    const sftp = this.#sftp;
    if (!sftp) return;
    this.#listing.abort();
    const listing = new AbortController();
    this.#listing = listing;
    this.isBusy.value = true;
    try {
      const path = await find(sftp);
      const found = await sftp.list(path, listing.signal);
      if (listing.signal.aborted) return;
      // What was said before there was a folder is still to be read.
      if (this.folder.value !== null) this.said.value = '';
      this.folder.value = folderOf(path, found);
    } catch (error) {
      if (!listing.signal.aborted) this.said.value = sayFailure(error);
    } finally {
      if (!listing.signal.aborted) this.isBusy.value = false;
    }
  }
}

function folderOf(path: string, { names, isWhole, refused }: Listing): Folder {
  const order = new Intl.Collator(locale(), { numeric: true });
  const rows = names
    .map(({ name, attributes }) => ({
      name,
      shown: shown(name),
      kind: kindOf(attributes),
      size: attributes.size,
      modified: attributes.modified,
    }))
    .sort(
      (one, other) =>
        Number(other.kind === 'folder') - Number(one.kind === 'folder') ||
        order.compare(one.shown, other.shown),
    );
  return { path, rows, isWhole, refused };
}
