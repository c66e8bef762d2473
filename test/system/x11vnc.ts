import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { endProcess } from './end-process.ts';
import { listening } from './listening.ts';
import { reservedPort } from './loopback-port.ts';

interface Child {
  readonly child: ChildProcess;
  readonly by: NodeJS.Signals;
}

/** x11vnc over a screen of Xvfb, as on a device with a real screen: it shows what is there and cannot make it larger. */
export class X11Vnc {
  readonly port: number;
  /** For programs that are to draw on it. */
  readonly display: string;
  readonly #children: readonly Child[];

  private constructor(port: number, display: string, children: readonly Child[]) {
    this.port = port;
    this.display = display;
    this.#children = children;
  }

  /** `password`: it asks for it. */
  static async start(password?: string): Promise<X11Vnc> {
    const port = await reservedPort();
    const display = `:${port}`;
    const screen = spawn(
      'Xvfb',
      [display, '-screen', '0', '320x200x24', '-nolisten', 'tcp', '-displayfd', '3'],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      },
    );
    await once(screen.stdio[3] as NodeJS.ReadableStream, 'data');
    const server = spawn(
      'x11vnc',
      [
        ...['-display', display, '-rfbport', String(port), '-localhost', '-forever', '-shared', '-quiet'],
        // What it shares with the screen would outlive it, as it is ended.
        '-noshm',
        ...(password === undefined ? ['-nopw'] : ['-passwd', password]),
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        // It would take no text for 45 s after a viewer has connected, or 8 s where there is a window manager.
        env: { ...process.env, X11VNC_AVOID_WINDOWS: 'never' },
      },
    );
    let log = '';
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await listening(port, server, () => log);
    // At SIGTERM x11vnc speaks to its screen in the handler of the signal, and waits for ever if that comes while it does so already.
    return new X11Vnc(port, display, [
      { child: server, by: 'SIGKILL' },
      { child: screen, by: 'SIGTERM' },
    ]);
  }

  async stop(): Promise<void> {
    for (const { child, by } of this.#children) await endProcess(child, by);
  }
}
