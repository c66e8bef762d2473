import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { endProcess } from './end-process.ts';
import { listening } from './listening.ts';
import { reservedPort } from './loopback-port.ts';

/** TigerVNC's X server: a screen that nobody sees but through VNC. */
export class VncServer {
  readonly port: number;
  /** For programs that are to draw on it. */
  readonly display: string;
  readonly #child: ChildProcess;
  readonly #log: () => string;

  private constructor(port: number, display: string, child: ChildProcess, log: () => string) {
    this.port = port;
    this.display = display;
    this.#child = child;
    this.#log = log;
  }

  /** `name`: what the server calls its desktop. */
  static async start(name: string): Promise<VncServer> {
    const port = await reservedPort();
    // A display of its own, far from those that people use; its socket of X11 is under this number.
    const display = `:${port}`;
    const child = spawn(
      'Xtigervnc',
      [
        ...[display, '-rfbport', String(port), '-interface', '127.0.0.1', '-SecurityTypes', 'None'],
        ...['-geometry', '320x200', '-depth', '24', '-desktop', name, '-nolisten', 'tcp'],
        ...['-Log', '*:stderr:30'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, child, () => log);
    return new VncServer(port, display, child, () => log);
  }

  /** Resolves when the server has logged what matches `pattern`. */
  async logged(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#log())) await once(this.#child.stderr as NodeJS.ReadableStream, 'data');
  }

  async stop(): Promise<void> {
    await endProcess(this.#child);
  }
}
