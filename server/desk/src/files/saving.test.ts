import { expect, test } from 'vitest';
import type { Bridge } from '../bridge/bridge.ts';
import { limits } from '../limits.ts';
import { openSaving, type Saving } from './saving.ts';

/** What is saved where the dashboard gives this for a file. */
async function savingOf(given: unknown, size?: number): Promise<{ saving: Saving | null; asked: string[] }> {
  const asked: string[] = [];
  const bridge = {
    ask: (_: string, name: string) => {
      asked.push(name);
      return Promise.resolve(given);
    },
  };
  return { saving: await openSaving(bridge as unknown as Bridge, 'a\u202e/b', size), asked };
}

test('savePieceBytes: pieces are collected for the disk, and the rest at the end', async () => {
  const written: number[] = [];
  let isClosed = false;
  const stream = new WritableStream<Uint8Array>({
    write: ({ length }) => {
      written.push(length);
    },
    close: () => {
      isClosed = true;
    },
  });
  const { port1: result, port2: saved } = new MessageChannel();
  const { saving, asked } = await savingOf({ stream, saved });
  expect(asked).toEqual(['a_u{202e}_b']);
  const piece = new Uint8Array(limits.sftpPieceBytes);
  for (let sent = 0; sent <= limits.savePieceBytes; sent += piece.length) await saving?.write(piece);
  expect([written, isClosed]).toEqual([[limits.savePieceBytes], false]);
  const finished = saving?.finish();
  result.postMessage(true);
  expect(await finished).toBe('saved');
  expect([written, isClosed]).toEqual([[limits.savePieceBytes, piece.length], true]);
  saved.close();
});

test('what the disk did not take at the end is not saved, although the stream has been closed', async () => {
  const { port1: result, port2: saved } = new MessageChannel();
  const { saving } = await savingOf({ stream: new WritableStream(), saved });
  await saving?.write(new Uint8Array(1));
  const finished = saving?.finish();
  result.postMessage(false);
  await expect(finished).rejects.toMatchObject({ key: 'sftp.notSaved' });
  saved.close();
});

test('a disk that is full, and a file that is not wanted after all', async () => {
  const full = new WritableStream({ write: () => Promise.reject(new Error('no space')) });
  const { port2: saved } = new MessageChannel();
  const { saving } = await savingOf({ stream: full, saved });
  await saving?.write(new Uint8Array(1));
  await expect(saving?.finish()).rejects.toMatchObject({ key: 'sftp.notSaved' });
  let isAborted = false;
  const kept = new WritableStream({
    abort: () => {
      isAborted = true;
    },
  });
  const { saving: dropped } = await savingOf({ stream: kept, saved });
  dropped?.drop();
  expect(isAborted).toBe(true);
  saved.close();
  expect((await savingOf('cancelled')).saving).toBeNull();
});

test('a file that cannot be written is no fault of the device', async () => {
  const bridge = { ask: () => Promise.reject(new Error('locked')) };
  await expect(openSaving(bridge as unknown as Bridge, 'a', 1)).rejects.toMatchObject({
    key: 'sftp.notSaved',
  });
});

test('blobBytes: without a file to choose, memory takes that much', async () => {
  const tooLarge = { key: 'sftp.tooLargeHere' };
  await expect(savingOf('none', limits.blobBytes + 1)).rejects.toMatchObject(tooLarge);
  const { saving } = await savingOf('none', 0);
  // Of a file that says no size.
  await saving?.write(new Uint8Array(limits.savePieceBytes));
  await expect(saving?.write({ length: limits.blobBytes } as Uint8Array)).rejects.toMatchObject(tooLarge);
});
