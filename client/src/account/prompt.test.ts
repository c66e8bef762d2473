import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { TypedLine, terminalOf } from './prompt.ts';

test('the terminal has one name on Unix, and two on Windows', () => {
  expect(terminalOf('linux')).toEqual({ input: '/dev/tty', output: '/dev/tty' });
  expect(terminalOf('win32')).toEqual({ input: '\\\\.\\CONIN$', output: '\\\\.\\CONOUT$' });
});

describe('a typed line', () => {
  const type = (text: string) => new TypedLine(defaultLimits.inputBytes).type(text);

  test.each([
    ['secret\r', 'secret'],
    ['secret\nmore', 'secret'],
    ['secrat\x7fx\x08\x08et\r', 'secret'],
    ['\x7f\x7fsecret\r', 'secret'],
    ['wrong\x15secret\r', 'secret'],
    ['pässwört🔑\x7f\r', 'pässwört'],
    ['se\x1bcret\t\r', 'secret'],
    ['secret\x04', 'secret'],
    ['\r', ''],
  ])('%j is %j', (typed, text) => {
    expect(type(typed)).toEqual({ state: 'done', text });
  });

  test.each(['\x03', 'sec\x03', '\x04'])('%j interrupts', (typed) => {
    expect(type(typed)).toEqual({ state: 'interrupted' });
  });

  test('comes in pieces, and says what to show', () => {
    const line = new TypedLine(8);
    expect(line.type('ab')).toEqual({ state: 'typing', shown: 'ab' });
    expect(line.type('\x7f\x7f\x7f')).toEqual({ state: 'typing', shown: '\b \b\b \b' });
    expect(line.type('cd\x15')).toEqual({ state: 'typing', shown: 'cd\b \b\b \b' });
    expect(line.type('xyz\r')).toEqual({ state: 'done', text: 'xyz' });
  });

  test('takes no more than inputBytes', () => {
    const line = new TypedLine(defaultLimits.inputBytes);
    line.type('ü'.repeat(10_000));
    expect(line.type('\r')).toEqual({ state: 'done', text: 'ü'.repeat(512) });
  });
});
