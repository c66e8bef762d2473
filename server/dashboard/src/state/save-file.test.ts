import { afterEach, expect, test, vi } from 'vitest';
import type { FileToSave } from '../desk/messages.ts';
import { saveFile } from './save-file.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A file that a user has chosen, and what was done to it. `fails`: the step that does. */
function chooses(fails?: 'open' | 'write' | 'close'): string[] {
  const done: string[] = [];
  const step = (name: string) => async () => {
    done.push(name);
    if (name === fails) throw new Error('no space');
  };
  const file = { write: step('write'), close: step('close'), abort: step('abort') };
  const handle = {
    createWritable: async () => {
      await step('open')();
      return file;
    },
    remove: step('remove'),
  };
  vi.stubGlobal('showSaveFilePicker', async () => handle);
  return done;
}

/** Gives it some content; resolves with whether it has it all. */
async function fill(given: Awaited<ReturnType<typeof saveFile>>): Promise<boolean> {
  const { stream, saved } = given as FileToSave;
  const told = new Promise<boolean>((resolve) => {
    saved.onmessage = ({ data }) => resolve(data);
  });
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  await writer.write(new Uint8Array(1)).catch(() => {});
  await writer.close().catch(() => {});
  const whole = await told;
  saved.close();
  return whole;
}

test('a file that has it all stays, and says so', async () => {
  const done = chooses();
  expect(await fill(await saveFile('a'))).toBe(true);
  expect(done).toEqual(['open', 'write', 'close']);
});

test.each([
  ['write', ['open', 'write', 'abort', 'remove']],
  ['close', ['open', 'write', 'close', 'abort', 'remove']],
] as const)('a file that does not get it all is removed: %s fails', async (fails, steps) => {
  const done = chooses(fails);
  expect(await fill(await saveFile('a'))).toBe(false);
  expect(done).toEqual(steps);
});

test('so is one that is not wanted any more, or cannot be written', async () => {
  const done = chooses();
  const { stream } = (await saveFile('a')) as FileToSave;
  await stream.abort();
  expect(done).toEqual(['open', 'abort', 'remove']);
  const opened = chooses('open');
  await expect(saveFile('a')).rejects.toThrow('no space');
  expect(opened).toEqual(['open', 'remove']);
});

test('who chooses none, and a browser that cannot', async () => {
  expect(await saveFile('a')).toBe('none');
  vi.stubGlobal('showSaveFilePicker', () => Promise.reject(new DOMException('', 'AbortError')));
  expect(await saveFile('a')).toBe('cancelled');
  vi.stubGlobal('showSaveFilePicker', () => Promise.reject(new DOMException('', 'SecurityError')));
  expect(await saveFile('a')).toBe('none');
});
