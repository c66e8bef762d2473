import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import type { TerminalSize } from '../../../src/ssh/requests.ts';
import { limits } from '../limits.ts';
import { shownColor } from '../page/colors.ts';
import { t } from '../texts/language.ts';
import { boundCommands } from './command-bounds.ts';
import { useUnicode } from './unicode.ts';

/** In a window of its own, which knows nothing of this one. Other schemes than those of the web never get here. */
function openLink(address: string): void {
  window.open(address, '_blank', 'noopener,noreferrer');
}

/** What is typed, and what is shown. */
export class Screen {
  readonly element = document.createElement('div');
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #search = new SearchAddon();
  readonly #observer: ResizeObserver;
  #opened = false;

  constructor(dark: boolean, typed: (bytes: Uint8Array) => void, resized: (size: TerminalSize) => void) {
    this.element.className = 'screen';
    // xterm has one set of words for all terminals.
    Terminal.strings.promptLabel = t('terminal.input');
    Terminal.strings.tooMuchOutput = t('terminal.tooMuchToSay');
    const terminal = new Terminal({
      allowProposedApi: true,
      // A cursor that blinks has the browser draw at each refresh of the screen, and what is typed waits for the next one.
      cursorBlink: false,
      fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 14,
      linkHandler: {
        activate: (_, address) => openLink(address),
        // Its text may be anything: this is where it leads.
        hover: (_, address) => {
          this.element.title = address;
        },
        leave: () => {
          this.element.title = '';
        },
      },
      minimumContrastRatio: 4.5,
      scrollback: limits.scrollBackLines,
      theme: dark ? darkTheme() : lightTheme(),
    });
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#search);
    useUnicode(terminal);
    terminal.loadAddon(new WebLinksAddon((_, address) => openLink(address)));
    boundCommands(terminal);
    const encoder = new TextEncoder();
    terminal.onData((text) => typed(encoder.encode(text)));
    terminal.onBinary((text) => typed(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => resized({ columns: cols, rows }));
    terminal.attachCustomKeyEventHandler((event) => this.#shortcut(event));
    this.#terminal = terminal;
    this.#observer = new ResizeObserver(() => this.fit());
  }

  /** Once it is in the page. */
  open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#terminal.open(this.element);
    this.#observer.observe(this.element);
    this.fit();
  }

  fit(): void {
    if (this.element.offsetParent !== null) this.#fit.fit();
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** Whether screen readers find its lines, and are told of new ones. */
  setScreenReader(on: boolean): void {
    this.#terminal.options.screenReaderMode = on;
  }

  get size(): TerminalSize {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  /** Resolves when it has been taken in. */
  write(text: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      this.#terminal.write(text, resolve);
    });
  }

  /** A line of the page between those of the device. */
  say(text: string): void {
    this.#terminal.write(`\r\n\x1b[0;7m ${text} \x1b[0m\r\n`);
  }

  /** As for a new shell: the modes of the one before go, its lines stay. */
  leaveModes(): void {
    // The cursor is saved first: leaving the alternate screen restores it, also where this is not the alternate screen.
    this.#terminal.write('\x1b7\x1b[?1049l\x1b[?1000;1002;1003;1004;1006;2004l\x1b[!p');
  }

  find(text: string, back: boolean): boolean {
    return back ? this.#search.findPrevious(text) : this.#search.findNext(text);
  }

  close(): void {
    this.#observer.disconnect();
    this.#terminal.dispose();
    this.element.remove();
  }

  /** Ctrl-Shift-C copies, because Ctrl-C is for the device; the browser pastes by Ctrl-Shift-V itself. */
  #shortcut(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey || event.code !== 'KeyC') return true;
    event.preventDefault();
    const text = this.#terminal.getSelection();
    if (text !== '') navigator.clipboard.writeText(text).catch(() => {});
    return false;
  }
}

/** Colours of the brand; those of ANSI are usual ones where they can be read. */
const darkTheme = () => ({ background: shownColor('sunken'), foreground: shownColor('text') });
const lightTheme = () => ({
  background: shownColor('surface'),
  foreground: shownColor('text'),
  cursor: shownColor('text'),
  selectionBackground: '#b9d6f5',
  black: shownColor('text'),
  white: shownColor('muted'),
  brightWhite: shownColor('text'),
});
