import { Terminal } from '@xterm/xterm';
import { limits } from '../limits.ts';
import { boundCommands } from '../terminal/command-bounds.ts';
import { useUnicode } from '../terminal/unicode.ts';
import type { Stage } from './player.ts';

/**
 * Shows what a terminal has shown. Nothing goes back to a device: there is none, so what the recording asks the terminal is not answered.
 * It makes no links, and xterm copies nothing (OSC 52) without an addon.
 */
export class ReplayScreen implements Stage {
  readonly element = document.createElement('div');
  readonly #terminal: Terminal;

  constructor() {
    this.element.className = 'screen';
    this.#terminal = new Terminal({
      allowProposedApi: true,
      disableStdin: true,
      fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 14,
      // Links of OSC 8 lead nowhere.
      linkHandler: { activate: () => {} },
      minimumContrastRatio: 4.5,
      scrollback: limits.scrollBackLines,
    });
    useUnicode(this.#terminal);
    boundCommands(this.#terminal);
  }

  /** Once it is in the page. */
  open(): void {
    this.#terminal.open(this.element);
  }

  reset(columns: number, rows: number): Promise<void> {
    return this.#inOrder(() => {
      this.#terminal.reset();
      this.#terminal.resize(columns, rows);
    });
  }

  show(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#terminal.write(text, resolve);
    });
  }

  resize(columns: number, rows: number): Promise<void> {
    return this.#inOrder(() => this.#terminal.resize(columns, rows));
  }

  /** Text is taken in later than it is written. */
  async #inOrder(change: () => void): Promise<void> {
    await this.show('');
    change();
  }
}
