import { Terminal } from '@xterm/xterm';
import { expect, test, vi } from 'vitest';
import { limits } from '../limits.ts';
import { boundCommands } from './command-bounds.ts';

// xterm looks for these when it is loaded.
vi.hoisted(() => Object.assign(globalThis, { self: globalThis, window: globalThis }));

const [rows, cols] = [5, 40];

function opened() {
  const terminal = new Terminal({ allowProposedApi: true, rows, cols });
  boundCommands(terminal);
  const write = (text: string) => new Promise<void>((resolve) => terminal.write(text, resolve));
  const shown = () => {
    const { active } = terminal.buffer;
    const lines = Array.from({ length: rows }, (_, i) => active.getLine(i)?.translateToString(true));
    return [...lines, active.cursorX];
  };
  return { write, shown };
}

/** The cursor is on `c`, in the third line. */
const filled = '\x1b[2J\x1b[H1\r\n2\r\nabc\r\n4\r\n5\x1b[3;3H';

test.each([...'LMST'].map((final) => [final, rows]).concat([...'IZ'].map((final) => [final, cols])))(
  'CSI %s is done as often as it has an effect, and not beyond it',
  async (final, most) => {
    const { write, shown } = opened();
    await write(filled);
    const before = shown();
    await write(`\x1b[${Number(most) + 1}${final}`);
    expect(shown()).toEqual(before);
    await write(`\x1b[${most}${final}`);
    expect(shown()).not.toEqual(before);
  },
);

test('repetitions: a character is repeated so often at once, and not beyond it', async () => {
  const { write, shown } = opened();
  await write(`${filled}d\x1b[${limits.repetitions + 1}b`);
  expect(shown()).toEqual(['1', '2', 'abd', '4', '5', 3]);
  await write(`\x1b[He\x1b[${limits.repetitions}b`);
  expect(shown().slice(0, rows)).toEqual(Array.from({ length: rows }, () => 'e'.repeat(cols)));
});

test('no command goes on for ever because its parameter is large', async () => {
  const { write } = opened();
  const finals = Array.from({ length: 63 }, (_, i) => String.fromCharCode(0x40 + i));
  const commands = ['', '?', '>', '=', '<'].flatMap((prefix) =>
    ['', ' ', '!', '"', '$', "'"].flatMap((intermediate) =>
      finals.map((final) => `x\x1b[${prefix}2147483647;2147483647${intermediate}${final}`),
    ),
  );
  await write(commands.join(''));
});
