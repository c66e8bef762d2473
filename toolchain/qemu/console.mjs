// The serial console of a guest, on which a shell of root waits: runs commands there, whatever becomes of the network.

/** Lines of the kernel among the output of a command. */
const kernelLine = /^\[ *\d+\.\d{6}\] /;

export class Console {
  /** @type {import('node:net').Socket} */
  #socket;
  #received = '';
  #shown = '';
  #commands = 0;
  #wake = () => {};
  /** Of the one that waits in {@link shows}. */
  #watched = () => {};
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (text) => {
      this.#received += text;
      this.#shown += text;
      this.#wake();
      this.#watched();
    });
    socket.on('close', () => {
      this.#wake();
      this.#watched();
    });
  }

  /** All that came. */
  get shown() {
    return this.#shown;
  }

  /**
   * Resolves once the console has shown this behind the first `after` characters of what came.
   * @param {RegExp} pattern
   * @param {number} after
   */
  async shows(pattern, after) {
    while (!pattern.test(this.#shown.slice(after))) {
      if (this.#socket.destroyed) throw new Error(`the console was closed before it has shown ${pattern}`);
      await new Promise((resolve) => {
        this.#watched = () => resolve(undefined);
      });
    }
  }

  /**
   * Resolves with the next line that matches; what came before it is dropped.
   * @param {RegExp} pattern
   * @returns {Promise<{ before: string[], match: RegExpExecArray }>}
   */
  async #line(pattern) {
    /** @type {string[]} */
    const before = [];
    for (;;) {
      for (let end = this.#received.indexOf('\n'); end >= 0; end = this.#received.indexOf('\n')) {
        const line = this.#received.slice(0, end).replace(/\r+$/, '');
        this.#received = this.#received.slice(end + 1);
        const match = pattern.exec(line);
        if (match) return { before, match };
        if (!kernelLine.test(line)) before.push(line);
      }
      if (this.#socket.destroyed)
        throw new Error(`the console was closed after ${JSON.stringify(before.slice(-5))}`);
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
  }

  /** Resolves when the shell of a guest that boots answers. */
  async ready() {
    // Without the prompt's editing of lines, which redraws what is typed, the output is only that of the commands.
    const reader = 'while read -r line; do eval "$line"; done';
    const ask = () =>
      this.#socket.write(
        `stty -echo; echo rm-shell''-ready; [ -n "$rm_reader" ] || { export rm_reader=1; exec sh -c '${reader}'; }\n`,
      );
    // What is typed before the shell runs may be lost.
    const again = setInterval(ask, 1000);
    try {
      await this.#line(/rm-shell-ready$/);
    } finally {
      clearInterval(again);
    }
  }

  /**
   * Runs a command after those that were given before.
   * @param {string} command one line of at most 3,000 bytes, which does not end with a semicolon
   * @returns {Promise<{ status: number, output: string }>} what it wrote, errors included, without blanks at the end
   */
  run(command) {
    const done = this.#last.then(() => this.#run(command));
    this.#last = done.catch(() => {});
    return done;
  }

  /** @param {string} command */
  async #run(command) {
    this.#commands += 1;
    const mark = `${this.#commands}`;
    // The quotes keep an echo of the command from looking like its output.
    const end = `rm_status=$?; echo; echo rm-end''-${mark}-$rm_status-`;
    this.#socket.write(`echo rm-begin''-${mark}; { ${command}; } 2>&1; ${end}\n`);
    await this.#line(new RegExp(`rm-begin-${mark}$`));
    const { before, match } = await this.#line(new RegExp(`rm-end-${mark}-(\\d+)-$`));
    return { status: Number(match[1]), output: before.join('\n').trimEnd() };
  }

  /**
   * Runs a command after those that were given before, and does not wait for its end: it may end the shell.
   * @param {string} command one line
   */
  async send(command) {
    await this.#last;
    this.#socket.write(`${command}\n`);
  }

  close() {
    this.#socket.destroy();
  }
}
