import type { Asks } from '../desk/messages.ts';

/** Of the File System Access API, which not every browser has. */
interface Saving {
  showSaveFilePicker?(options: { readonly suggestedName: string }): Promise<FileSystemFileHandle>;
}

/** Lets the user choose a file, and gives a stream into it. Nothing is in the file before the stream is closed. */
export async function saveFile(suggestedName: string): Promise<Asks['saveFile']['gives']> {
  const saving = globalThis as Saving;
  if (!saving.showSaveFilePicker) return 'none';
  let chosen: FileSystemFileHandle;
  try {
    chosen = await saving.showSaveFilePicker({ suggestedName });
  } catch (error) {
    return error instanceof DOMException && error.name === 'AbortError' ? 'cancelled' : 'none';
  }
  const file = await chosen.createWritable();
  const { port1: result, port2: saved } = new MessageChannel();
  const failed = (error: unknown): never => {
    result.postMessage(false);
    throw error;
  };
  // Streams of files cannot be handed to another window; this one can.
  const stream = new WritableStream<Uint8Array<ArrayBuffer>>({
    write: (bytes) => file.write(bytes).catch(failed),
    close: () => file.close().then(() => result.postMessage(true), failed),
    abort: (reason: unknown) => file.abort(reason),
  });
  return { stream, saved };
}
