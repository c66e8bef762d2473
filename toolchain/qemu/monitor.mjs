// QEMU's monitor (QMP): stops a guest's processors, takes its network cable out, switches it off.
import { createInterface } from 'node:readline';

export class Monitor {
  /** @type {import('node:net').Socket} */
  #socket;
  /** @type {((answer: { error?: { desc: string } }) => void)[]} */
  #waiting = [];

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    const lines = createInterface(socket);
    lines.on('error', () => {});
    lines.on('line', (line) => {
      const message = JSON.parse(line);
      if ('return' in message || 'error' in message) this.#waiting.shift()?.(message);
    });
    socket.on('close', () => {
      for (const waiting of this.#waiting) waiting({ error: { desc: 'QEMU has ended' } });
    });
  }

  /** @param {import('node:net').Socket} socket of the monitor */
  static async open(socket) {
    const monitor = new Monitor(socket);
    await monitor.execute('qmp_capabilities');
    return monitor;
  }

  /**
   * @param {string} command
   * @param {Readonly<Record<string, unknown>>} [args]
   * @returns {Promise<void>}
   */
  execute(command, args) {
    return new Promise((resolve, reject) => {
      this.#waiting.push(({ error }) => (error ? reject(new Error(`${command}: ${error.desc}`)) : resolve()));
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  }

  close() {
    this.#socket.destroy();
  }
}
