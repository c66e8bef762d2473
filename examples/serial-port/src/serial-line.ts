import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A serial line with a balance at its other end, which ser2net offers at a port of this machine. */
export interface SerialLine {
  /** Of 127.0.0.1. */
  readonly port: number;
  stop(): void;
}

/**
 * Asks the balance at a port, `%p`, for a weight. Netcat must not end its side before the answer: ser2net would then close the
 * connection.
 */
export const question = 'printf "S\\r\\n" | nc -w 10 -W 1 127.0.0.1 %p';

/** The balance, compiled or not. */
const scale = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../dist/scale.js' : 'scale.js', import.meta.url),
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  return port;
}

/** A pseudo-terminal stands for the line: socat makes it, with the balance behind it. */
export async function startSerialLine(): Promise<SerialLine> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-serial-'));
  const device = join(folder, 'ttyS0');
  const children: ChildProcess[] = [];
  const start = (command: string, args: readonly string[]) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    return child;
  };
  const appeared = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(device)) return;
      watcher.close();
      resolve();
    });
  });
  start('socat', [`PTY,link=${device},rawer`, `EXEC:${process.execPath} ${scale}`]);
  await appeared;
  const port = await freePort();
  const file = join(folder, 'ser2net.yaml');
  writeFileSync(
    file,
    `connection: &balance
  accepter: tcp,127.0.0.1,${port}
  connector: serialdev,${device},9600n81,local
`,
  );
  start('ser2net', ['-n', '-c', file]);
  return {
    port,
    stop: () => {
      for (const child of children) child.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
