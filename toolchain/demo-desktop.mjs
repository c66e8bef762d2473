// The desktop of the demo: TigerVNC's X server, where it is installed, with a calculator on it.
import { existsSync } from 'node:fs';
import { spawnBound } from './bound-process.mjs';
import { listens, reservedPort } from './loopback-port.mjs';

const server = '/usr/bin/Xtigervnc';
/** Something to look at and to type into that does nothing else: whoever uses this machine reaches it without a password. */
const client = '/usr/bin/xcalc';

/**
 * Starts a screen that is seen by VNC only, on a port of 127.0.0.1. `null`: no server is installed, or it does not run.
 *
 * @param {string} name what it is called
 * @returns {Promise<{ port: number, empty: boolean, stop(): Promise<void> } | null>} `empty`: a black screen, without a calculator
 */
export async function startDemoDesktop(name) {
  if (!existsSync(server)) return null;
  const port = await reservedPort();
  // Of X11 too: far from the displays that people use.
  const display = `:${port}`;
  const screen = spawnBound(
    server,
    [
      ...[display, '-rfbport', String(port), '-interface', '127.0.0.1', '-SecurityTypes', 'None'],
      ...['-geometry', '800x600', '-depth', '24', '-desktop', name, '-nolisten', 'tcp', '-Log', '*:stderr:0'],
    ],
    // It says on standard error what it is.
    { output: 'pipe' },
  );
  screen.child.stdout?.resume();
  screen.child.stderr?.resume();
  screen.exited.catch(() => {});
  if (!(await listens(port, screen.child))) return null;
  const calculator = existsSync(client)
    ? spawnBound(client, ['-display', display, '-geometry', '320x420+240+90'], { output: 'ignore' })
    : null;
  calculator?.exited.catch(() => {});
  return {
    port,
    empty: calculator === null,
    async stop() {
      await calculator?.stop();
      await screen.stop();
    },
  };
}
