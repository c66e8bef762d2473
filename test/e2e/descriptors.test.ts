import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../checkout.ts';
import { within } from '../scenarios/stage/wait.ts';

/** The reflector as a process that may open few files; the kernel is the one who refuses. */

test('a reflector with few descriptors says so at its start, and again when they are used up, and goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-descriptors-'));
  const program = join(root, 'reflector-minimal/dist/main.js');
  const args = `--listen 127.0.0.1:0 --data ${join(folder, 'reflector.sqlite')}`;
  const reflector = spawn('sh', ['-c', `ulimit -n 160; exec ${process.execPath} ${program} ${args}`]);
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    reflector.kill('SIGTERM');
    await once(reflector, 'close');
    rmSync(folder, { recursive: true });
  });
  let [out, log] = ['', ''];
  reflector.stdout.on('data', (chunk) => {
    out += chunk;
  });
  reflector.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const seen = async (pattern: RegExp, text: () => string): Promise<string> => {
    for (;;) {
      const found = pattern.exec(text());
      if (found) return found[1] ?? '';
      await Promise.race([once(reflector.stdout, 'data'), once(reflector.stderr, 'data')]);
    }
  };
  const port = Number(
    await within(
      seen(/listens on http:\/\/localhost:(\d+)/, () => out),
      'its start',
      () => log,
    ),
  );
  const few = /this process may open few files, and so takes (\d+) connections in place of 20000/;
  const connections = Number(
    await within(
      seen(few, () => log),
      'the warning',
      () => log,
    ),
  );
  expect(connections).toBeGreaterThan(20);
  expect(connections).toBeLessThan(160);
  for (let i = 0; i < connections + 20; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await within(
    seen(/"msg":"(all connections are in use: what comes is closed)"/, () => log),
    'the line',
    () => log,
  );
  for (const socket of sockets.splice(0)) socket.destroy();
  // Those that it had are closed by now, or in a moment.
  const healthy = async (): Promise<number> => {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
      if (response) return response.status;
    }
  };
  expect(await within(healthy(), 'an answer', () => log)).toBe(200);
  expect(log.match(/all connections are in use/g)).toHaveLength(1);
});
