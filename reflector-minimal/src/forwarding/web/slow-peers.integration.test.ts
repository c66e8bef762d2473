import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { selfSigned } from '../../../../test/certificates/self-signed.ts';
import { RawUser } from '../../testing/raw-user.ts';
import { extensions, Stage } from '../../testing/stage.ts';
import { until } from '../../testing/until.ts';

// Unauthenticated peers that are silent, slow, or vanish.

async function open(options: Parameters<typeof Stage.open>[0]): Promise<Stage> {
  const stage = await Stage.open(options);
  onTestFinished(() => stage.close());
  return stage;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  return socket;
}

/** Which timer the kernel has armed for the reflector's end of a connection; 2 is that of keep-alive (proc(5)). */
function timerOf(socket: Socket, port: number): number {
  const hexadecimal = (number: number) => number.toString(16).toUpperCase().padStart(4, '0');
  const ends = `0100007F:${hexadecimal(port)} 0100007F:${hexadecimal(socket.localPort ?? 0)}`;
  const row = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .find((line) => line.includes(ends));
  return Number(/ (\d\d):[0-9A-F]{8} /.exec(row ?? '')?.[1]);
}

test.each(['', 'GET', 'GET / HTTP/1.1\r\nHost: localhost\r\n'])(
  'headMs: a connection that has said %j, and nothing more, ends',
  async (said) => {
    const { port } = await open({ limits: { headMs: 50 } });
    const socket = await dial(port);
    socket.write(said);
    await once(socket, 'close');
  },
);

test('headMs: a handshake of TLS that does not come ends at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-reflector-slow-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const tls = selfSigned(folder, 'localhost');
  // Nobody waits for the answer to such a thing to be taken.
  const { port } = await open({ tls, limits: { headMs: 200, discardMs: 3_600_000 } });
  for (const said of ['', '\x16\x03\x01\x02\x00\x01']) {
    const socket = await dial(port);
    socket.write(said, 'latin1');
    await once(socket, 'close');
  }
});

test('userIdleMs: a connection that asks for nothing more ends', async () => {
  const { port } = await open({ limits: { userIdleMs: 50 } });
  const user = new RawUser(port);
  user.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await user.whole();
  expect(user.statuses).toEqual([200]);
});

test('userProbeMs: TCP asks for users who say nothing, not for devices', async () => {
  const stage = await open({ limits: { userProbeMs: 3_600_000 } });
  const socket = await dial(stage.port);
  await until(() => timerOf(socket, stage.port) === 2);
  const agent = await stage.agent({ extensions });
  await until(() => timerOf(agent.peer.socket, stage.port) === 0);
});
