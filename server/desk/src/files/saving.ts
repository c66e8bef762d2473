import type { FileToSave } from '../../../dashboard/src/desk/messages.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { limits } from '../limits.ts';
import type { Sink } from '../sftp/download.ts';
import { SftpFailure } from '../sftp/failure.ts';
import { localName } from '../sftp/names.ts';

/** A file on the computer of the reader, which is there when all of it is. */
export interface Saving extends Sink {
  /** `handedOver`: to the browser, which does not tell what becomes of it. */
  finish(): Promise<'saved' | 'handedOver'>;
  /** Nothing is left of it. */
  drop(): void;
}

/**
 * Where a download goes: into a file that the user chooses now, piece by piece; in browsers that cannot do that, into memory, and from
 * there to where the browser saves. `size`: bytes, if it is known. `null`: the user wants none. To be called when the user has just
 * clicked or typed. Rejects with `SftpFailure`.
 */
export async function openSaving(
  bridge: Bridge,
  name: string,
  size: number | undefined,
): Promise<Saving | null> {
  const local = localName(name);
  const chosen = await bridge.ask('saveFile', local).catch(() => {
    throw notSaved();
  });
  if (chosen === 'cancelled') return null;
  if (chosen !== 'none') return new SavingToDisk(chosen);
  if ((size ?? 0) > limits.blobBytes) throw tooLarge();
  return new SavingInMemory(local);
}

const notSaved = () => new SftpFailure('sftp.notSaved');
const tooLarge = () =>
  new SftpFailure('sftp.tooLargeHere', { megabytes: Math.floor(limits.blobBytes / 1_000_000) });

class SavingToDisk implements Saving {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #saved: Promise<boolean>;
  #piece = new Uint8Array(limits.savePieceBytes);
  #used = 0;

  constructor({ stream, saved }: FileToSave) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
    this.#saved = new Promise((resolve) => {
      saved.onmessage = ({ data }) => resolve(data === true);
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#piece.length - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === this.#piece.length) await this.#flush();
    }
  }

  async finish(): Promise<'saved'> {
    await this.#flush();
    await this.#done(this.#writer.close());
    if (!(await this.#saved)) throw notSaved();
    return 'saved';
  }

  drop(): void {
    this.#writer.abort().catch(() => {});
  }

  async #flush(): Promise<void> {
    await this.#done(this.#writer.ready);
    if (this.#used > 0) await this.#done(this.#writer.write(this.#piece.slice(0, this.#used)));
    this.#used = 0;
  }

  /** The disk may be full, or gone. */
  async #done(step: Promise<void>): Promise<void> {
    await step.catch(() => {
      throw notSaved();
    });
  }
}

class SavingInMemory implements Saving {
  readonly #name: string;
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;

  constructor(name: string) {
    this.#name = name;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes > limits.blobBytes) throw tooLarge();
    this.#parts.push(new Uint8Array(bytes));
  }

  async finish(): Promise<'handedOver'> {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob(this.#parts, { type: 'application/octet-stream' }));
    link.download = this.#name;
    link.click();
    this.drop();
    // The browser reads it from there.
    setTimeout(() => URL.revokeObjectURL(link.href), limits.savedMs);
    return 'handedOver';
  }

  drop(): void {
    this.#parts = [];
  }
}
