import { closeSync, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { Failure } from '../failure.ts';

/** Asks the user; rejects with a {@link Failure} if there is no terminal. */
export type Ask = (question: string, options: { readonly echo: boolean }) => Promise<string>;

/** The state of a line after some input. */
export type Typed =
  | { readonly state: 'typing'; readonly shown: string }
  | { readonly state: 'done'; readonly text: string }
  | { readonly state: 'interrupted' };

/** Edits a line typed at a terminal in raw mode: erase, kill line, end of line, end of input, interrupt. */
export class TypedLine {
  readonly #maxBytes: number;
  #characters: string[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** `shown` is the echo of this input. Characters beyond the bound are dropped. */
  type(text: string): Typed {
    let shown = '';
    for (const character of text) {
      switch (character) {
        case '\r':
        case '\n':
          return { state: 'done', text: this.#characters.join('') };
        case '\x03':
          return { state: 'interrupted' };
        case '\x04':
          if (this.#characters.length === 0) return { state: 'interrupted' };
          return { state: 'done', text: this.#characters.join('') };
        case '\x08':
        case '\x7f':
          if (this.#characters.pop() !== undefined) shown += '\b \b';
          break;
        case '\x15':
          shown += '\b \b'.repeat(this.#characters.length);
          this.#characters = [];
          break;
        default:
          if (character < ' ' || Buffer.byteLength(this.#characters.join('') + character) > this.#maxBytes)
            break;
          this.#characters.push(character);
          shown += character;
      }
    }
    return { state: 'typing', shown };
  }
}

/** The files that are the terminal of the session. */
export function terminalOf(platform: NodeJS.Platform): { readonly input: string; readonly output: string } {
  return platform === 'win32'
    ? { input: '\\\\.\\CONIN$', output: '\\\\.\\CONOUT$' }
    : { input: '/dev/tty', output: '/dev/tty' };
}

/**
 * Asks at the session's terminal, not at standard input and output: under `ssh` those carry the connection. With
 * `echo: false` the input is not shown.
 */
export function terminalPrompt(maxBytes: number): Ask {
  return async (question, { echo }) => {
    const { input: from, output: to } = terminalOf(process.platform);
    let keyboard: number;
    let terminal: number;
    try {
      keyboard = openSync(from, 'r+');
      terminal = from === to ? keyboard : openSync(to, 'r+');
    } catch {
      throw new Failure(
        `${question.replace(/:? *$/, '')}: no terminal to ask at; see RM_TOKEN, RM_USER, RM_PASSWORD and rm-client login`,
      );
    }
    const input = new ReadStream(keyboard);
    const line = new TypedLine(maxBytes);
    try {
      input.setRawMode(true);
      input.setEncoding('utf8');
      writeSync(terminal, question);
      for await (const text of input) {
        const typed = line.type(String(text));
        if (typed.state === 'done') return typed.text;
        if (typed.state === 'interrupted') break;
        if (echo) writeSync(terminal, typed.shown);
      }
      throw new Failure('interrupted');
    } finally {
      writeSync(terminal, '\n');
      input.setRawMode(false);
      input.destroy();
      if (terminal !== keyboard) closeSync(terminal);
    }
  };
}
