// The desktop of the demo: TigerVNC's X server, where it is installed, with a calculator or a notice on it.
import { existsSync } from 'node:fs';
import { spawnBound } from './bound-process.mjs';
import { listens, reservedPort } from './loopback-port.mjs';

const server = '/usr/bin/Xtigervnc';
/** Something to look at and to type into that does nothing else: whoever uses this machine reaches it without a password. */
const calculator = '/usr/bin/xcalc';
/** Something to look at. */
const notice = '/usr/bin/xmessage';

/**
 * The program on the screen; `null`: neither is installed.
 *
 * @param {string} display
 * @param {string} name
 * @returns {[string, string[]] | null}
 */
function programOn(display, name) {
  const on = ['-display', display];
  if (existsSync(calculator)) return [calculator, [...on, '-geometry', '320x420+240+90']];
  if (!existsSync(notice)) return null;
  const look = ['-geometry', '400x200+200+200', '-bg', '#2c5a72', '-fg', '#ffffff'];
  // Without a button, it stays.
  return [
    notice,
    [...on, ...look, '-buttons', '', `The desktop of ${name}\n\nInstall x11-apps for a calculator.`],
  ];
}

/**
 * Starts a screen that is seen by VNC only, on a port of 127.0.0.1. `null`: no server is installed, or it does not run.
 *
 * @param {string} name what it is called
 * @returns {Promise<{ port: number, empty: boolean, stop(): Promise<void> } | null>} `empty`: a black screen
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
  const program = programOn(display, name);
  const shown = program && spawnBound(...program, { output: 'ignore' });
  shown?.exited.catch(() => {});
  return {
    port,
    empty: shown === null,
    async stop() {
      await shown?.stop();
      await screen.stop();
    },
  };
}
