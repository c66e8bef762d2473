import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A desktop that is seen by VNC only. */
export interface Desktop {
  /** Of 127.0.0.1. */
  readonly port: number;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  return port;
}

/** Whether somebody listens at a port of this machine. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * Starts TigerVNC's X server. It asks for no password, because nobody but the agent reaches it: it listens on 127.0.0.1, and
 * the reflector knows its users.
 */
export async function startDesktop(name: string): Promise<Desktop> {
  const port = await freePort();
  const child = spawn(
    'Xtigervnc',
    [
      ...[`:${port}`, '-rfbport', String(port), '-interface', '127.0.0.1', '-SecurityTypes', 'None'],
      ...['-geometry', '800x600', '-desktop', name, '-nolisten', 'tcp'],
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  while (!(await answers(port))) {
    if (child.exitCode !== null)
      throw new Error('Xtigervnc has ended: is tigervnc-standalone-server installed?');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    port,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
