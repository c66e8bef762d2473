import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import { beforeEach, expect, test } from 'vitest';
import { NotRecorded, type TerminalRecorder } from './terminal-recorder.ts';
import { ThreadAnswers } from './thread-answers.ts';

const size = { columns: 80, rows: 24 };
let went: string[];
beforeEach(() => {
  went = [];
});

const answers = (sized: (() => Promise<void>) | null) => {
  const socket = { send: async () => true } as unknown as RouteSocket;
  const connection = {
    read: async function* () {},
    write: async (bytes: Uint8Array) => {
      went.push(String(bytes));
      return true;
    },
    close: () => {},
  } as unknown as PortConnection;
  async function* none() {}
  const recorder: TerminalRecorder | null = sized && { sized, shown: async () => {}, end: async () => {} };
  return new ThreadAnswers({ socket, messages: none(), connection }, recorder);
};
const types = (to: ThreadAnswers, text: string) =>
  to.to({ id: 1, what: 'writeDevice', value: Buffer.from(text) });
const settled = () => new Promise(setImmediate);

test('the device gets what is typed once the terminal is recorded, in its order', async () => {
  const begun: (() => void)[] = [];
  const recorded = answers(
    () =>
      new Promise((resolve) => {
        begun.push(resolve);
      }),
  );
  expect(await types(recorded, 'log-in')).toBe(true);
  const sizes = [recorded.sized(size)];
  const typed = [types(recorded, 'one')];
  sizes.push(recorded.sized(size));
  typed.push(types(recorded, 'two'));
  begun[1]?.();
  await settled();
  expect(went).toEqual(['log-in']);
  begun[0]?.();
  expect(await Promise.all(typed)).toEqual([true, true]);
  await Promise.all(sizes);
  expect(went).toEqual(['log-in', 'one', 'two']);
});

test('where it cannot be recorded, the device gets nothing of it', async () => {
  const refused = new NotRecorded('no room');
  const unrecorded = answers(() => Promise.reject(refused));
  await expect(unrecorded.sized(size)).rejects.toBe(refused);
  await expect(types(unrecorded, 'rm -r')).rejects.toBe(refused);
  expect(went).toEqual([]);
});

test('where nothing is recorded, nobody waits', async () => {
  const plain = answers(null);
  await plain.sized(size);
  expect(await types(plain, 'ls')).toBe(true);
  expect(went).toEqual(['ls']);
});
