import type { Asks } from '../desk/messages.ts';

/** Of the File System Access API, which not every browser has. */
interface Saving {
  showSaveFilePicker?(options: { readonly suggestedName: string }): Promise<ChosenFile>;
}

interface ChosenFile extends FileSystemFileHandle {
  /** Of Chrome and Edge since version 110. */
  remove?(): Promise<void>;
}

/**
 * Lets the user choose a file, and gives a stream into it. The browser empties a file that is there when it is chosen, so one that does
 * not get all of its content is removed. Rejects when the file cannot be written.
 */
export async function saveFile(suggestedName: string): Promise<Asks['saveFile']['gives']> {
  const saving = globalThis as Saving;
  if (!saving.showSaveFilePicker) return 'none';
  let chosen: ChosenFile;
  try {
    chosen = await saving.showSaveFilePicker({ suggestedName });
  } catch (error) {
    return error instanceof DOMException && error.name === 'AbortError' ? 'cancelled' : 'none';
  }
  const remove = async () => chosen.remove?.().catch(() => {});
  const file = await chosen.createWritable().catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const drop = async (reason?: unknown) => {
    // The file is held until then.
    await file.abort(reason).catch(() => {});
    await remove();
  };
  const { port1: result, port2: saved } = new MessageChannel();
  const failed = async (error: unknown): Promise<never> => {
    await drop(error);
    result.postMessage(false);
    throw error;
  };
  // Streams of files cannot be handed to another window; this one can.
  const stream = new WritableStream<Uint8Array<ArrayBuffer>>({
    write: (bytes) => file.write(bytes).catch(failed),
    close: () => file.close().then(() => result.postMessage(true), failed),
    abort: drop,
  });
  return { stream, saved };
}
